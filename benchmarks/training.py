"""Training speed, side by side: `python -m benchmarks.training --data-dir D [--json FILE]`.

Runs every contestant once a round, one after the other, each in a process of its own, so that a
slow minute of the machine hits all of them. Reports medians and ratios within this one run. It
knows what is compared, not how it is measured (`benchmarks.contestant`).
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from core.config import PRESETS
from tools.server import ROOT

SPEEDRUN_SEEDS = 10
BATCH_SIZES = (256, 1024)  # of SimpleCNN beside Fast's own: what the machine gives, not a preset
Results = dict[str, list[Any]]


def main() -> None:
    parser = argparse.ArgumentParser(description="Training speed, side by side.")
    parser.add_argument("--data-dir", type=Path, required=True, help="a folder with MNIST/raw")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="where all single figures go")
    options = parser.parse_args()
    results: Results = {}
    for number in range(options.rounds):
        one_round(results, options.data_dir.resolve(), number, options.rounds)
    figures = summarise(results)
    if options.json:
        options.json.write_text(
            json.dumps({"machine": machine(), "figures": figures, "rounds": results}, indent=1)
        )
    print_table(figures)


def one_round(results: Results, data_dir: Path, number: int, rounds: int) -> None:
    """Every contestant once; the seeds are the round's own."""

    def run(name: str, *arguments: str) -> None:
        began = time.perf_counter()
        results.setdefault(name, []).append(contest(*arguments))
        print(
            f"round {number + 1} of {rounds}: {name}, {time.perf_counter() - began:.0f} s",
            file=sys.stderr,
            flush=True,
        )

    data = ("--data-dir", str(data_dir))
    seed = ("--seed", str(number))

    def preset(name: str, **changes: Any) -> tuple[str, ...]:
        return ("--settings", json.dumps({"preset": name, **changes}))

    run("product bf16", "product", "--precision", "bf16")
    run("product fp32", "product", "--precision", "fp32")
    run("notebook", "notebook", *data, *seed, "--epochs", "5")
    run("fast", "thread", *data, *seed, *preset("fast"))
    run("notebook preset", "thread", *data, *seed, *preset("notebook", epochs=1))
    run("fast, main thread", "main", *data, *seed, *preset("fast", epochs=1))
    run("fast, service's thread", "thread", *data, *seed, *preset("fast", epochs=1))
    for size in BATCH_SIZES:
        settings = preset("fast", epochs=1, batch_size=size)
        run(f"fast, batch {size}", "thread", *data, *seed, *settings)
    for extra in range(number, SPEEDRUN_SEEDS, rounds):
        run("speedrun", "thread", *data, "--seed", str(extra), *preset("speedrun"))
        run("published", "published", *data, "--seed", str(extra))
    run("accurate", "thread", *data, *seed, *preset("accurate"))
    if "work" not in results:
        results["work"] = [contest("work", "--model", "simple_cnn")]


def contest(*arguments: str) -> Any:
    command = [sys.executable, "-m", "benchmarks.contestant", *arguments]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout.splitlines()[-1])


def summarise(results: Results) -> dict[str, Any]:
    """Medians, ratios and shares from the single figures."""

    def speed(name: str) -> float:
        return statistics.median(result["images_per_second"] for result in results[name])

    def ratio(above: str, below: str) -> float:
        pairs = zip(results[above], results[below], strict=True)
        return statistics.median(a["images_per_second"] / b["images_per_second"] for a, b in pairs)

    def seconds_to(name: str, accuracy: float) -> float | None:
        reached = [seconds_to_accuracy(result["curve"], accuracy) for result in results[name]]
        known = [seconds for seconds in reached if seconds is not None]
        return statistics.median(known) if len(known) == len(reached) else None

    def final(name: str) -> dict[str, float]:
        accuracies = [result["curve"][-1][1] * 100 for result in results[name]]
        return {
            "seeds": len(accuracies),
            "mean": statistics.mean(accuracies),
            "spread": statistics.stdev(accuracies) if len(accuracies) > 1 else 0.0,
            "seconds": statistics.median(result["curve"][-1][0] for result in results[name]),
        }

    def faults(name: str) -> float | None:
        known = [result.get("faults_per_step") for result in results[name]]
        return None if None in known else statistics.median(known)

    work = results["work"][0]["flop_per_image"]
    product = {
        precision: statistics.median(result["flops"] for result in results[f"product {precision}"])
        for precision in ("bf16", "fp32")
    }
    contestants = ("notebook", "published", "fast", "notebook preset", "speedrun", "accurate")
    accuracy = {name: final(name) for name in contestants}
    notebook_98 = seconds_to("notebook", 0.98)
    fast_98 = seconds_to("fast", 0.98)
    return {
        "images per second": {name: speed(name) for name in contestants},
        "ratios": {
            "Fast over the notebook's loop": ratio("fast", "notebook"),
            "Notebook preset over the notebook's loop": ratio("notebook preset", "notebook"),
            "service's thread over main thread": ratio(
                "fast, service's thread", "fast, main thread"
            ),
            "seconds to 98 %, notebook over Fast": (
                notebook_98 / fast_98 if notebook_98 and fast_98 else None
            ),
            "the notebook's five epochs over Speedrun's run": (
                accuracy["notebook"]["seconds"] / accuracy["speedrun"]["seconds"]
            ),
            "Accurate's run over the notebook's five epochs": (
                accuracy["accurate"]["seconds"] / accuracy["notebook"]["seconds"]
            ),
        },
        "share of the matrix-product rate": {
            "Fast, of bf16": speed("fast") * work / product["bf16"],
            **{
                f"Fast with batches of {size}, of bf16": (
                    speed(f"fast, batch {size}") * work / product["bf16"]
                )
                for size in BATCH_SIZES
            },
            "Notebook preset, of fp32": speed("notebook preset") * work / product["fp32"],
        },
        "GFLOP/s of a matrix product": {name: rate / 1e9 for name, rate in product.items()},
        "page faults per step": {
            "notebook's loop": faults("notebook"),
            "Fast": faults("fast, main thread"),
        },
        "seconds to 98 %": {name: seconds_to(name, 0.98) for name in contestants},
        "seconds to 99 %": {name: seconds_to(name, 0.99) for name in contestants},
        "test accuracy": accuracy,
    }


def seconds_to_accuracy(curve: list[list[float]], accuracy: float) -> float | None:
    """When a run's test accuracy first was so high; None if it never was."""
    return next((seconds for seconds, reached in curve if reached >= accuracy), None)


def machine() -> dict[str, Any]:
    return {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "presets": {name: preset.config.model_dump() for name, preset in PRESETS.items()},
    }


def print_table(figures: dict[str, Any]) -> None:
    for title, rows in figures.items():
        print(f"\n{title}")
        for name, value in rows.items():
            print(f"  {name:<52} {_text(value)}")


def _text(value: Any) -> str:
    if value is None:
        return "never in every round"
    if isinstance(value, dict):
        return (
            f"{value['mean']:.3f} % (spread {value['spread']:.3f} over {value['seeds']} seeds), "
            f"{value['seconds']:.1f} s"
        )
    return f"{value:,.3g}" if value < 100 else f"{value:,.0f}"


if __name__ == "__main__":
    main()
