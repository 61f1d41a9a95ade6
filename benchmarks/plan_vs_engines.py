#!/usr/bin/env python3
"""Plans over ONNX Runtime and OpenVINO on this machine's cores against both engines by themselves, fp32, 14 models.

    .deps/venv/bin/python benchmarks/plan_vs_engines.py [--objectives latency,throughput] [--models A,B] [--rounds 30] [--save FILE]

The models are the nine architectures of ONNX's own tests with seeded weights and five real ones. Each is planned, tuned and measured in a
fresh process (build/release/bin/plan_vs_engines): the plan, each engine as it is by default, and each with its other fp32 setting (one
thread; for the throughput ONNX Runtime with a session per core, OpenVINO with the hint THROUGHPUT), in interleaved rounds. A loss is an
interval of (time of the plan / time of the better engine's best setting) that lies wholly above 1.02; exit code 1 when there is one, and
when a model was not decided: fewer clean rounds than asked for, or most of the time discarded.
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path

from bench_models import BINARY, prepare
from repeatability import LIGHT, REAL

PROGRAM = Path(BINARY).parent / "plan_vs_engines"
LOSS = 1.02
MOST_DISCARDED = 0.6
# Of silero-vad's two files the one that both engines take.
MODELS = (*LIGHT, "light/vgg19", "light/zfnet512", *(f"{name}_op18" if name == "silero_vad" else name for name in REAL))


def measure(name: str, objective: str, rounds: int, folder: Path) -> dict:
    model = prepare(name, folder)
    try:
        run = subprocess.run([PROGRAM, model.path, model.inputs, objective, str(rounds)], capture_output=True, text=True)
    finally:
        model.path.unlink()
    if run.returncode != 0:
        return {"model": name, "failed": run.stderr.strip().splitlines()[-1]}
    return json.loads(run.stdout)


def is_decided(result: dict, rounds: int) -> bool:
    """Enough clean rounds. (The engine's settings that are not the best may have wide intervals: nothing rests on them.)"""
    return "failed" not in result and result["rounds"] >= rounds and result["discarded"] <= MOST_DISCARDED


def judge(result: dict) -> tuple[dict, float, float, float, str]:
    """The better engine's best setting, (plan / it) with its 95 % interval, and the word for it."""
    best = min(result["sides"], key=lambda side: side["over_plan"])
    ratio, low, high = (1 / best[key] for key in ("over_plan", "over_plan_high", "over_plan_low"))
    word = "LOSS" if low > LOSS else "win" if high < 1 else "tie"
    return best, ratio, low, high, word


def geometric_mean(values: list[float]) -> float:
    return math.exp(sum(map(math.log, values)) / len(values))


def default_speed_up(results: list[dict], engine: str) -> float:
    return geometric_mean([side["over_plan"] for result in results for side in result["sides"] if side["name"] == f"{engine} default"])


def report(objective: str, results: list[dict]) -> int:
    words = [judge(result)[4] for result in results]
    print(f"{objective}: {words.count('win')} wins, {words.count('tie')} ties, {words.count('LOSS')} losses; "
          f"geometric-mean speed-up {default_speed_up(results, 'onnxruntime'):.2f}x over ONNX Runtime's default, "
          f"{default_speed_up(results, 'openvino'):.2f}x over OpenVINO's (fp32)\n", flush=True)
    return words.count("LOSS")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--objectives", type=lambda text: text.split(","), default=["latency", "throughput"])
    parser.add_argument("--models", type=lambda text: text.split(","), default=list(MODELS))
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--save", type=Path, help="write every result as JSON")
    arguments = parser.parse_args()
    everything, losses = [], 0
    for objective in arguments.objectives:
        print(f"measured: {objective}, time of the plan over that of the better engine's best fp32 setting, {arguments.rounds} rounds")
        results = []
        for name in arguments.models:
            with tempfile.TemporaryDirectory() as folder:
                result = measure(name, objective, arguments.rounds, Path(folder))
            if not is_decided(result, arguments.rounds):
                why = result.get("failed") or f"{result['rounds']} clean rounds, {result['discarded']:.0%} of the time discarded"
                print(f"{name:18}not decided: {why}", flush=True)
                losses += 1
                continue
            best, ratio, low, high, word = judge(result)
            print(f"{name:18}{result['plan_ms']:9.3f} ms  {ratio:.3f} [{low:.3f}, {high:.3f}] {word:4} {best['name']}; {result['plan']}", flush=True)
            results.append(result)
        losses += report(objective, results) if results else 0
        everything += results
    if arguments.save:
        arguments.save.write_text(json.dumps(everything, indent=1))
    return 1 if losses else 0


if __name__ == "__main__":
    sys.exit(main())
