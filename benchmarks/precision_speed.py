#!/usr/bin/env python3
"""What int8 gains under a bound on accuracy: each model's fastest target in fp32 against its fastest in any precision, on both engines.

    .deps/venv/bin/python benchmarks/precision_speed.py [--models A,B] [--min-cosine 0.99] [--seconds 6] [--save FILE]

One call, one at a time (the objective latency). Every model runs on ONNX Runtime and OpenVINO, on all cores and on one, in fp32 and in int8, in
interleaved and paired rounds (`consort compare`), each target's numbers compared with cpu@onnxruntime's on the model's own inputs. `gain` is the time of
the fastest fp32 target over that of the fastest target whose numbers keep the bound; `default` that of OpenVINO as it is in fp32 over the
same. A model whose rounds were not clean is not decided. Prints the machine's flags for integers.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from bench_models import BINARY, prepare
from plan_vs_engines import MODELS

UNSTABLE, MISSED = 7, 5
FLAGS = ("avx2", "avx512f", "avx_vnni", "avx512_vnni", "amx_int8", "amx_bf16")
DEFAULT = "cpu@openvino"


def targets() -> list[str]:
    places = ["cpu"] + ([f"cpu:{min(os.sched_getaffinity(0))}"] if len(os.sched_getaffinity(0)) > 1 else [])
    return [f"{place}@{engine}{precision}" for precision in ("", "/int8") for engine in ("openvino", "onnxruntime") for place in places]


def refuses(model, target: str) -> bool:
    """Whether the engine takes the model at all in that form: compare ends where one does not."""
    run = subprocess.run([BINARY, "run", "-m", model.path, "-i", model.inputs, "-d", target, "--placement", "none"], capture_output=True)
    return run.returncode != 0


def compare(name: str, seconds: float, folder: Path) -> dict:
    model = prepare(name, folder)
    taken = [target for target in targets() if not refuses(model, target)]
    command = [BINARY, "compare", "-m", model.path, "-i", model.inputs, "-d", ",".join(taken), "-t", str(seconds), "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True)
    model.path.unlink()
    if done.returncode not in (0, UNSTABLE, MISSED):
        return {"model": name, "failed": done.stderr.strip().splitlines()[-1]}
    report = json.loads(done.stdout)
    return {"model": name, "unstable": report.get("unstable", ""), "targets": report["targets"], "refused": sorted(set(targets()) - set(taken))}


def judge(result: dict, least_cosine: float) -> dict | None:
    """The fastest in fp32, the fastest that keeps the bound, and what the second gains."""
    if "failed" in result or result["unstable"]:
        return None
    times = {target["target"]: target["median_ms"]["estimate"] for target in result["targets"]}
    cosines = {target["target"]: target["accuracy"]["cosine"] for target in result["targets"]}
    floats = [target for target in times if "/" not in target]
    right = [target for target in times if target in floats or cosines[target] >= least_cosine]
    best_float, best = min(floats, key=times.get), min(right, key=times.get)
    missed = {target: cosine for target, cosine in cosines.items() if target not in right}
    return {
        "model": result["model"], "float": best_float, "best": best, "float_ms": times[best_float], "best_ms": times[best],
        "gain": times[best_float] / times[best], "default": times[DEFAULT] / times[best] if DEFAULT in times else math.nan,
        "cosine": cosines[best], "missed": missed, "refused": result["refused"],
    }


def geometric_mean(values: list[float]) -> float:
    return math.exp(sum(map(math.log, values)) / len(values)) if values else math.nan


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=lambda text: text.split(","), default=[*MODELS, "mobilenet-v2"])
    parser.add_argument("--min-cosine", type=float, default=0.99)
    parser.add_argument("--least-ms", type=float, default=1, help="models whose fastest fp32 target is faster do not count")
    parser.add_argument("--seconds", type=float, default=6, help="of each model's rounds")
    parser.add_argument("--save", type=Path, help="write every row as JSON")
    return parser.parse_args()


def main() -> int:
    arguments = parse()
    known = Path("/proc/cpuinfo").read_text().split("flags", 1)[1].split("\n", 1)[0].split()
    print(f"measured: one call, fp32 against any precision, cosine of at least {arguments.min_cosine}; flags: {' '.join(flag for flag in FLAGS if flag in known)}")
    print(f"{'model':18}{'fp32 ms':>9}  {'best ms':>8}  {'gain':>5}  {'default':>7}  {'cosine':>7}  best")
    rows = []
    for name in arguments.models:
        with tempfile.TemporaryDirectory() as folder:
            result = compare(name, arguments.seconds, Path(folder))
        row = judge(result, arguments.min_cosine)
        if row is None:
            print(f"{name:18}not decided: {result.get('failed') or result['unstable']}", flush=True)
            continue
        notes = [f"{target} misses ({cosine:.3f})" for target, cosine in row["missed"].items()] + [f"{target} refuses" for target in row["refused"]]
        print(f"{name:18}{row['float_ms']:9.3f}  {row['best_ms']:8.3f}  {row['gain']:5.2f}  {row['default']:7.2f}  {row['cosine']:7.4f}  {row['best']}"
              f"{'; ' if notes else ''}{', '.join(notes)}", flush=True)
        rows.append(row)
    counted = [row for row in rows if row["float_ms"] >= arguments.least_ms]
    print(f"geometric mean over {len(counted)} models of {arguments.least_ms} ms and more: {geometric_mean([row['gain'] for row in counted]):.2f}x the best fp32, "
          f"{geometric_mean([row['default'] for row in counted if row['default'] == row['default']]):.2f}x OpenVINO's default in fp32")
    if arguments.save:
        arguments.save.write_text(json.dumps(rows, indent=1))
    return 0 if len(rows) == len(arguments.models) else 1


if __name__ == "__main__":
    sys.exit(main())
