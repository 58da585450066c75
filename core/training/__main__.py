"""`python -m core.training`: the notebook's training on the command line.

The options are the fields of `TrainConfig`.
"""

import argparse
import sys
from pathlib import Path
from typing import get_args

from tqdm import tqdm

from core.config import PRESETS, TrainConfig, parse_config, read_texts
from core.data.catalog import DataCatalog
from core.data.dataset import Dataset
from core.device import choose_runtime, configure_malloc
from core.disk import atomic_write
from core.errors import DigitLabError, StorageError
from core.export.weights import to_pth
from core.records.metrics import BatchMetrics, EpochMetrics
from core.training.loop import fit
from core.training.state import Checkpoint

ROOT = Path(__file__).resolve().parents[2]


def main(arguments: list[str] | None = None) -> None:
    """Trains, prints a line per epoch, and saves the weights.

    Exits with 2 on a `DigitLabError`, with 130 on Ctrl+C.
    """
    options = _parser().parse_args(arguments)
    try:
        _train(options)
    except DigitLabError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("\nStopped. Nothing was saved.", file=sys.stderr)
        sys.exit(130)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m core.training",
        description="Train a network on handwritten digits, without the page.",
    )
    for name, field in TrainConfig.model_fields.items():
        choices = get_args(field.annotation)
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            *(["--lr"] if name == "learning_rate" else []),
            dest=name,
            choices=choices or None,
            metavar=None if choices else "N",
            default=argparse.SUPPRESS,
            help=f"{field.description} (default: {field.default})",
        )
    parser.add_argument(
        "--preset",
        choices=tuple(PRESETS),
        default=argparse.SUPPRESS,
        help="settings to start from; the options above change them one by one",
    )
    parser.add_argument(
        "--data-dir",
        type=Path,
        help="a folder with MNIST's files, in it or below (default: data/)",
    )
    parser.add_argument(
        "--output", type=Path, help="where the weights go (default: the model's name, .pth)"
    )
    return parser


def _train(options: argparse.Namespace) -> None:
    settings = vars(options)
    data_dir, output = settings.pop("data_dir"), settings.pop("output")
    config = parse_config(read_texts(settings))
    output = output or Path(f"{config.model}.pth")
    if not output.parent.is_dir():
        raise StorageError(f"There is no folder {output.parent} to write {output.name} to.")
    configure_malloc()
    runtime = choose_runtime(config.precision)
    print(f"Using device: {runtime.device} ({runtime.precision})")
    data = _load(config.dataset, data_dir)
    count = config.image_count(len(data.train_images))
    print(f"Training {config.model} on {data.title}, {count:,} images")

    last: Checkpoint | None = None
    with tqdm(total=config.epochs, unit="epoch", bar_format=_BAR, leave=False) as bar:
        for event in fit(config, data, runtime):
            if isinstance(event, BatchMetrics):
                bar.n = event.progress
                bar.set_postfix_str(
                    f"loss {event.loss:.4f}, accuracy {event.accuracy:.3f}, "
                    f"{event.images_per_second:,.0f} images/s"
                )
            elif isinstance(event, EpochMetrics):
                bar.write(notebook_line(event), file=sys.stdout)
            elif isinstance(event, Checkpoint):
                last = event
    assert last is not None, "fit yields at least the untrained model"
    with atomic_write(output, "The model") as part:
        part.write_bytes(to_pth(last.state_dict))
    print(f"Model saved to {output}")


_BAR = "{percentage:3.0f}%|{bar}| epoch {n:.2f} of {total} [{elapsed}<{remaining}{postfix}]"


def notebook_line(metrics: EpochMetrics) -> str:
    """The line that the notebook prints after an epoch."""
    return (
        f"Epoch {metrics.progress:.4g}: "
        f"Train Loss={metrics.train_loss:.4f}, Acc={metrics.train_accuracy:.4f} | "
        f"Test Loss={metrics.test_loss:.4f}, Acc={metrics.test_accuracy:.4f}"
    )


def _load(name: str, data_dir: Path | None) -> Dataset:
    catalog = DataCatalog(data_dir, ROOT / "data")
    with tqdm(total=1.0, bar_format="{desc} {percentage:3.0f}%|{bar}|", leave=False) as bar:

        def show() -> None:
            status = catalog.status(name)
            bar.set_description_str(status.message)
            bar.n = status.progress or 0.0
            bar.refresh()

        catalog.on_change = show
        return catalog.load(name)


if __name__ == "__main__":
    main()
