"""How well networks read what people draw: `python -m benchmarks.drawing --pens FILE`.

Trains a network on MNIST and one on synthetic digits, and lets both read pen strokes that neither
has seen: how often right, by digit, and what is taken for what; whether the answer survives a
smaller drawing in a corner; how long preprocessing takes. The network trained on synthetic digits
also reads MNIST's test set. Nothing is judged here: the figures are printed.

FILE holds one JSON object a line, `{"label": 8, "strokes": [[[x, y], ...], ...]}`, y downwards.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.config import parse_config
from core.data.catalog import DataCatalog
from core.device import configure_malloc
from core.drawing.strokes import Strokes, stroke_steps, strokes_to_image
from core.errors import DatasetUnavailableError
from core.inference.predictor import Predictor
from core.training.loop import fit
from core.training.state import Checkpoint

ROOT = Path(__file__).resolve().parent.parent
CHUNK = 500  # images that are read at once
SMALLER = 1 / 3
CORNERS = {"top left": (0, 0), "top right": (1, 0), "bottom left": (0, 1), "bottom right": (1, 1)}


@dataclass(frozen=True)
class Drawings:
    """Drawings with what they mean: `labels` is (n,) int64; `canvas` the side of their field."""

    strokes: list[Strokes]
    labels: np.ndarray
    canvas: float


def main(arguments: Sequence[str] | None = None) -> None:
    options = parser(
        "python -m benchmarks.drawing", "How well networks read what people draw."
    ).parse_args(arguments)
    configure_malloc()
    pens = load_drawings(options.pens, options.canvas)
    print(f"{len(pens.labels):,} drawings from {options.pens.name}")
    print_speed(pens)
    pictures = pictures_of(pens)

    catalog = DataCatalog(options.data_dir, ROOT / "data")
    for name in options.datasets:
        try:
            checkpoint = train(catalog, name, options.epochs, options.seed)
        except DatasetUnavailableError as error:
            print(f"\n{name}: {error}")
            continue
        read = read_pictures(checkpoint, pictures)
        print(f"\nTrained on {name}, {options.epochs} epochs, seed {options.seed}")
        print(f"  pen strokes               {percent(read == pens.labels)} right")
        naive = read_pictures(checkpoint, pictures_as_drawn(pens))
        print(f"  canvas squeezed to 28x28  {percent(naive == pens.labels)} right")
        for corner, place in CORNERS.items():
            moved = read_pictures(checkpoint, pictures_of(shrunk(pens, SMALLER, place)))
            print(f"  a third as large, {corner:12s}  {percent(moved == read)} the same answer")
        if name != "mnist":
            print_mnist(catalog, checkpoint)
        print_confusions(pens.labels, read)


def load_drawings(path: Path, canvas: float) -> Drawings:
    """Reads a file of drawings, one JSON object a line."""
    records = [json.loads(line) for line in path.read_text().splitlines()]
    labels = np.array([record["label"] for record in records], np.int64)
    return Drawings([record["strokes"] for record in records], labels, canvas)


def shrunk(drawings: Drawings, scale: float, place: tuple[int, int]) -> Drawings:
    """The same drawings, smaller, in one corner of the canvas and rounded to its pixels."""
    offset = (1 - scale) * drawings.canvas * np.array(place)
    strokes: list[Strokes] = [
        [np.rint(np.array(stroke) * scale + offset).tolist() for stroke in drawing]
        for drawing in drawings.strokes
    ]
    return Drawings(strokes, drawings.labels, drawings.canvas)


def pictures_of(drawings: Drawings) -> np.ndarray:
    """(n, 28, 28) float32 in 0..1, as a network gets them."""
    return np.stack([strokes_to_image(strokes, drawings.canvas) for strokes in drawings.strokes])


def pictures_as_drawn(drawings: Drawings) -> np.ndarray:
    """(n, 28, 28) float32 in 0..1: the canvas squeezed, with a pen of 20 in 280."""
    return np.stack(
        [
            stroke_steps(strokes, drawings.canvas, pen=drawings.canvas / 14).as_drawn
            for strokes in drawings.strokes
        ]
    )


def train(catalog: DataCatalog, name: str, epochs: int, seed: int) -> Checkpoint:
    """The last checkpoint of a run of the preset Fast.

    Raises:
        DatasetUnavailableError: a sentence why.
    """
    config = parse_config({"preset": "fast", "dataset": name, "epochs": epochs, "seed": seed})
    events = fit(config, catalog.load(name))
    return [event for event in events if isinstance(event, Checkpoint)][-1]


def read_pictures(checkpoint: Checkpoint, pictures: np.ndarray) -> np.ndarray:
    """(n,) the digit that the network takes each picture for."""
    reader = Predictor()
    chunks = np.array_split(pictures * np.float32(255), -(-len(pictures) // CHUNK))
    return np.concatenate(
        [reader.probabilities(checkpoint, chunk).argmax(axis=1) for chunk in chunks]
    )


def percent(right: np.ndarray) -> str:
    return f"{100 * right.mean():5.1f} %"


def print_speed(drawings: Drawings) -> None:
    seconds = []
    for strokes in drawings.strokes:
        started = time.perf_counter()
        strokes_to_image(strokes, drawings.canvas)
        seconds.append(time.perf_counter() - started)
    middle, slow = 1000 * np.percentile(seconds, [50, 95])
    print(f"Preprocessing: p50 {middle:.2f} ms, p95 {slow:.2f} ms a drawing")


def print_mnist(catalog: DataCatalog, checkpoint: Checkpoint) -> None:
    try:
        mnist = catalog.load("mnist")
    except DatasetUnavailableError as error:
        print(f"  MNIST's test set: {error}")
        return
    read = read_pictures(checkpoint, mnist.test_images.numpy() / np.float32(255))
    print(f"  MNIST's test set          {percent(read == mnist.test_labels.numpy())} right")


def print_confusions(labels: np.ndarray, read: np.ndarray) -> None:
    table = np.zeros((10, 10), np.int64)
    np.add.at(table, (labels, read), 1)
    print("  drawn  read as" + "".join(f"{digit:6d}" for digit in range(10)) + "    right")
    for digit, row in enumerate(table):
        cells = "".join(f"{count or '.':>6}" for count in row)
        print(f"  {digit:5d}         {cells}  {percent(read[labels == digit] == digit)}")


def parser(program: str, description: str) -> argparse.ArgumentParser:
    """What a benchmark on drawings is told: which, and on what to train."""
    parser = argparse.ArgumentParser(prog=program, description=description)
    parser.add_argument("--pens", type=Path, required=True, help="drawings, one JSON object a line")
    parser.add_argument(
        "--canvas", type=float, default=500.0, help="side of their field (default: 500)"
    )
    parser.add_argument(
        "--data-dir", type=Path, help="a folder that holds MNIST/raw (default: data/)"
    )
    parser.add_argument(
        "--datasets",
        nargs="+",
        default=["mnist", "synthetic"],
        choices=["mnist", "synthetic"],
        help="what to train on (default: both, one after the other)",
    )
    parser.add_argument("--epochs", type=int, default=3, help="of each training (default: 3)")
    parser.add_argument("--seed", type=int, default=0, help="of each training (default: 0)")
    return parser


if __name__ == "__main__":
    main()
