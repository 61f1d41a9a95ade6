"""Mutated models, tensors, archives, images and command lines against the program.

Every call has to end by itself, soon, with exit code 2 or 3 and one line that names the place; 0 is allowed only where the
mutation is harmless and its case says why. CONSORT_LONG_FUZZ=1 makes about ten times as many mutations.
"""

import os
import re
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import consort_cli
import input_mutations
import model_mutations
import pytest
from workshop import Case, Workshop

LONG = os.environ.get("CONSORT_LONG_FUZZ") == "1"
FACTOR = 10 if LONG else 1
TIMEOUT_S = 20
# Two at a time: most machines that run this have two cores, and a call waits for the disk as much as it computes.
WORKERS = 2
# What a run may open besides its own folder: the system's and the engines' libraries, and what the kernel tells.
# ONNX Runtime writes the graph that it executes to a temporary folder of the run's own.
ALLOWED = (f"{tempfile.gettempdir()}/consort-", "/usr/", "/lib", "/etc/", "/proc/", "/sys/", "/dev/", str(consort_cli.REPOSITORY / ".deps"), str(consort_cli.BINARY.parent.parent))


def make_cases(folder: Path) -> list[Case]:
    shop = Workshop(folder)
    model_mutations.truncations(shop, 24 * FACTOR)
    model_mutations.byte_flips(shop, 40 * FACTOR)
    model_mutations.junk(shop)
    model_mutations.structure(shop)
    model_mutations.external_data(shop)
    model_mutations.tflite(shop, 12 * FACTOR)
    model_mutations.inputs_of_models(shop)
    input_mutations.npy(shop, 8 * FACTOR)
    input_mutations.npz(shop, 6 * FACTOR)
    input_mutations.onnx_tensors(shop)
    input_mutations.images(shop, 6 * FACTOR)
    input_mutations.command_lines(shop)
    return shop.cases


def complaints(case: Case, outcome: consort_cli.Outcome) -> list[str]:
    """What is wrong with how a case ended; empty when all is well."""
    found = []
    if outcome.timed_out:
        return [f"did not end within {TIMEOUT_S} s"]
    if outcome.code < 0:
        return [f"killed by signal {-outcome.code}"]
    if outcome.code not in case.codes:
        found.append(f"exit code {outcome.code}, expected one of {sorted(case.codes)}")
    if outcome.code in (1, 2, 3):
        lines = outcome.stderr.strip().splitlines()
        allowed_lines = 2 if outcome.code == 2 else 1  # a usage error says where help is
        if not lines or len(lines) > allowed_lines or not lines[0].startswith("consort: "):
            found.append(f"the message is not one line but {len(lines)}")
        if case.mentions and not any(mention in outcome.stderr for mention in case.mentions):
            found.append(f"the message names none of {case.mentions}")
        if len(outcome.stderr) > 2000 + sum(map(len, outcome.arguments)):
            found.append(f"the message is {len(outcome.stderr)} characters long")
    return found


@pytest.fixture(scope="module")
def cases(tmp_path_factory) -> list[Case]:
    made = make_cases(tmp_path_factory.mktemp("mutations"))
    assert len({case.name for case in made}) == len(made) >= 200
    assert all(case.harmless for case in made if not case.codes <= {2, 3})
    return made


@pytest.fixture(scope="module")
def outcomes(cases) -> list[consort_cli.Outcome]:
    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(lambda case: consort_cli.call(*case.arguments, timeout_s=TIMEOUT_S), cases))


def test_every_mutation_ends_well(cases, outcomes):
    failures = []
    for case, outcome in zip(cases, outcomes):
        if found := complaints(case, outcome):
            failures.append(f"{case.name}: {'; '.join(found)}\n  {outcome.describe()}")
    counts = {code: sum(outcome.code == code for outcome in outcomes) for code in sorted({o.code for o in outcomes})}
    print(f"\n{len(cases)} mutations, exit codes {counts}")
    assert not failures, f"{len(failures)} of {len(cases)} mutations ended badly\n\n" + "\n\n".join(failures)


def opened_paths(trace: Path) -> set[str]:
    """Paths that were opened, or tried, according to strace; relative ones are seen from the current folder."""
    found = re.findall(r'open(?:at)?\((?:[^,"]*, )?"([^"]*)"', trace.read_text(errors="replace"))
    return {os.path.abspath(path) for path in found}


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed: apt-get install strace")
def test_nothing_outside_the_given_paths_is_opened(cases, tmp_path):
    sample = [case for case in cases if case.forbidden][:: 1 if LONG else 3]
    assert sample
    for case in sample:
        trace = tmp_path / f"{case.name}.trace"
        consort_cli.call(*case.arguments, timeout_s=3 * TIMEOUT_S, prefix=("strace", "-f", "-qq", "-e", "trace=open,openat", "-o", str(trace)))
        opened = opened_paths(trace)
        model = next(Path(argument) for argument in case.arguments if str(argument).endswith(".onnx"))
        assert str(model) in opened, f"strace saw nothing for {case.name}"
        assert not opened & set(case.forbidden), f"{case.name} opened {opened & set(case.forbidden)}"
        own = (str(model.parent), os.getcwd())
        strangers = {path for path in opened if not path.startswith((*ALLOWED, *own))}
        assert not strangers, f"{case.name} opened {sorted(strangers)}"
