"""How well settings learn, away from the test set: `python -m benchmarks.presets --data-dir D`.

Trains on MNIST's first 50,000 training images and reads the last 10,000: mean and spread over
seeds, at the first evaluation and at the end, with the seconds that each took. This is what
hyperparameters are chosen by; `benchmarks.training` alone reads the test set. Settings are tried
as `--presets fast --try batch_size=256 learning_rate=0.005`, each `--try` beside the preset itself.
"""

import argparse
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from core.config import PRESETS, TrainConfig, parse_config
from core.data.catalog import DataCatalog
from core.data.dataset import Dataset
from core.device import configure_malloc
from core.records.metrics import EpochMetrics
from core.training.loop import fit

VALIDATION = 10_000  # images, the last ones of the training set


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    configure_malloc()
    folder = options.data_dir.resolve()
    data = without_test_set(DataCatalog(folder, folder).load("mnist"))
    print(f"validation accuracy, mean ± standard deviation of {options.seeds} seeds")
    print(f"{'settings':44s} {'first':>15s} {'after':>7s} {'at the end':>15s} {'after':>7s}")
    for name in options.presets:
        for changes in [[], *(options.tried or [])]:
            given = dict(change.split("=", 1) for change in changes)
            runs = [
                validate(parse_config({"preset": name, **given, "seed": seed}), data)
                for seed in range(options.seeds)
            ]
            title = " ".join([PRESETS[name].title, *changes])
            print(f"{title:44s} {' '.join(columns(runs))}", flush=True)


def without_test_set(data: Dataset) -> Dataset:
    """The training images alone, the last ones of them in the place of the test images."""
    images, labels = data.train_images, data.train_labels
    return replace(
        data,
        train_images=images[:-VALIDATION],
        train_labels=labels[:-VALIDATION],
        test_images=images[-VALIDATION:],
        test_labels=labels[-VALIDATION:],
    )


def validate(config: TrainConfig, data: Dataset) -> list[EpochMetrics]:
    """Every evaluation of one run."""
    return [event for event in fit(config, data) if isinstance(event, EpochMetrics)]


def columns(runs: list[list[EpochMetrics]]) -> Iterator[str]:
    """Accuracy and seconds, at the first evaluation and at the last."""
    for place in (0, -1):
        shares = [100 * run[place].test_accuracy for run in runs]
        spread = statistics.stdev(shares) if len(shares) > 1 else 0.0
        yield f"{statistics.mean(shares):6.2f} ± {spread:.2f} %".rjust(15)
        yield f"{statistics.median(run[place].seconds for run in runs):5.1f} s"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.presets",
        description="How well settings learn, by validation images, mean and spread over seeds.",
    )
    parser.add_argument("--data-dir", type=Path, required=True, help="a folder with MNIST/raw")
    parser.add_argument("--presets", nargs="+", default=list(PRESETS), choices=list(PRESETS))
    parser.add_argument("--seeds", type=int, default=5, help="of each (default: 5)")
    parser.add_argument(
        "--try",
        dest="tried",
        nargs="+",
        action="append",
        metavar="FIELD=VALUE",
        help="settings to change in each preset; may be given several times",
    )
    return parser


if __name__ == "__main__":
    main()
