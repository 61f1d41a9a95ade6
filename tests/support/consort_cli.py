"""Runs the `consort` program from tests."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
MODELS = Path(os.environ.get("CONSORT_MODELS", REPOSITORY / ".deps" / "models"))
BINARY = Path(os.environ.get("CONSORT_BINARY", REPOSITORY / "build" / "release" / "bin" / "consort"))


@dataclass
class Outcome:
    """How a call of the program ended. A negative code is the signal that killed it."""

    arguments: list[str]
    code: int
    stdout: str
    stderr: str
    timed_out: bool = False

    def describe(self) -> str:
        return f"consort {' '.join(self.arguments)}\nexit code {self.code}\n{self.stderr[-2000:]}"


def call(*arguments, timeout_s: float = 120, prefix: tuple[str, ...] = ()) -> Outcome:
    """Runs the program and waits; a call past its time is killed and says so."""
    words = [str(argument) for argument in arguments]
    try:
        done = subprocess.run([*prefix, str(BINARY), *words], capture_output=True, timeout=timeout_s, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired as error:
        return Outcome(words, 124, "", (error.stderr or b"").decode(errors="replace"), timed_out=True)
    return Outcome(words, done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))


def call_json(*arguments, timeout_s: float = 120) -> dict:
    """Runs the program with --format json, asserts that it succeeded, and returns what it printed."""
    outcome = call(*arguments, "--format", "json", timeout_s=timeout_s)
    assert outcome.code == 0, outcome.describe()
    return json.loads(outcome.stdout)
