"""What the preview costs the training: `python -m benchmarks.preview --data-dir D`.

Trains each preset for an epoch in pairs, once while somebody watches and once while nobody does,
the order reversed from pair to pair, and compares the seconds of all steps, previews and
evaluations. (Images/s would leave out what lies between two batches.) On a machine that is busy
with other programs, `--processor-time` counts processor seconds of one thread instead of seconds,
also for the pace of the preview. Prints figures, judges nothing.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch

from core.config import TrainConfig, parse_config
from core.data import mnist
from core.data.dataset import Dataset
from core.device import configure_malloc
from core.records.preview import PreviewFrame
from core.training.control import TrainingControl
from core.training.loop import fit


def main() -> None:
    options = _parser().parse_args()
    configure_malloc()
    clock = time.perf_counter
    if options.processor_time:
        torch.set_num_threads(1)
        clock = time.thread_time
    data = mnist.load(options.data_dir, options.data_dir, lambda share: None)
    for preset in options.presets:
        settings = {"preset": preset, "epochs": 1, "evaluations_per_epoch": 1}
        config = parse_config({**settings, "train_images": options.train_images})
        train(config, data, True, clock)  # warms up
        ratios = []
        for number in range(options.pairs):
            found = {w: train(config, data, w, clock) for w in (number % 2 == 0, number % 2 == 1)}
            (seconds, frames), (alone, _) = found[True], found[False]
            ratios.append(alone / seconds)
            print(
                f"{preset} {number + 1}: {alone:.2f} s alone, {seconds:.2f} s with {frames} frames "
                f"({frames / seconds:.1f} a second): speed {ratios[-1]:.3f}",
                flush=True,
            )
        print(f"{preset}: median speed {statistics.median(ratios):.3f}", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="What the preview costs the training.")
    parser.add_argument("--data-dir", type=Path, required=True, help="a folder with MNIST/raw")
    parser.add_argument("--presets", nargs="+", default=["speedrun", "fast"])
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--train-images", type=int, default=0, help="0: all")
    parser.add_argument("--processor-time", action="store_true", help="of one thread, not seconds")
    return parser


def train(
    config: TrainConfig, data: Dataset, watched: bool, clock: Callable[[], float]
) -> tuple[float, int]:
    """The seconds of a run, and how many frames came."""
    control, frames = TrainingControl(), 0
    started = clock()
    for event in fit(config, data, control=control, clock=clock):
        if watched:
            control.watch()
        frames += isinstance(event, PreviewFrame)
    return clock() - started, frames


if __name__ == "__main__":
    main()
