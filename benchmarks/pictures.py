"""How well networks read pictures of digits: `python -m benchmarks.pictures --pictures FOLDER`.

Trains the preset Fast on MNIST, once for each seed, and reads pictures as the page does: grey, at
most 256 pixels, then `core.drawing.photos`. Counts how many are read right, how many of these
surely, and how many are wrong or show no single digit although the network is sure. The last line
has the worst counts of all seeds. Half of the sources (odd numbers) served to choose the method.

FOLDER holds pictures and labels.csv with the columns file, digit (empty if a picture shows no
single digit) and source (ending in a number).
"""

import argparse
import csv
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageOps

from benchmarks.drawing import ROOT, train
from core.data.catalog import DataCatalog
from core.data.dataset import Dataset
from core.device import configure_malloc
from core.drawing.photos import preprocess_pixels
from core.errors import EmptyDrawingError
from core.inference.confidence import OutOfDistributionDetector
from core.inference.predictor import Predictor
from core.training.state import Checkpoint
from core.weight_files.reading import read_weights

SIDE = 256  # pixels of the longer side, as in assets/draw/pictures.js
THIN = (1, 2, 3, 4)  # pixels
GROUPS = ("odd sources", "even sources", "thin lines")


class Picture(NamedTuple):
    """A grey picture; `digit` is None if it shows none or several."""

    name: str
    group: str
    grey: np.ndarray
    digit: int | None


class Counts(NamedTuple):
    """Of pictures with one digit: how many there are, are right, right and sure, wrong and sure;
    of the others: how many the network is sure of."""

    digits: int
    right: int
    sure: int
    wrong_and_sure: int
    others_sure: int


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    configure_malloc()
    pictures = [*load_pictures(options.pictures), *thin_lines()]
    images: list[np.ndarray | None] = []
    seconds = []
    for picture in pictures:
        started = time.perf_counter()
        try:
            images.append(preprocess_pixels(picture.grey).image)
        except EmptyDrawingError:
            images.append(None)
        seconds.append(time.perf_counter() - started)
    middle, slow = 1000 * np.percentile(seconds, [50, 95])
    print(f"Preprocessing: p50 {middle:.1f} ms, p95 {slow:.1f} ms a picture")

    catalog = DataCatalog(options.data_dir, ROOT / "data")
    data = catalog.load("mnist")
    detector = OutOfDistributionDetector()
    found: dict[str, list[Counts]] = {group: [] for group in GROUPS}
    for number in range(len(options.weights or options.seeds)):
        if options.weights:
            name, checkpoint = options.weights[number].name, load(options.weights[number])
        else:
            name = f"seed {options.seeds[number]}"
            checkpoint = train(catalog, "mnist", 3, options.seeds[number])
        print(f"\n{name}")
        counts = read(pictures, images, checkpoint, data, detector)
        for group in GROUPS:
            found[group].append(counts[group])
            print_counts(group, [counts[group]])
        print_counts("all pictures", [total(counts)])
    print("\nThe worst of all")
    for group in GROUPS:
        print_counts(group, found[group])
    each = [dict(zip(GROUPS, counts, strict=True)) for counts in zip(*found.values(), strict=True)]
    print_counts("all pictures", [total(counts) for counts in each])


def load_pictures(folder: Path) -> list[Picture]:
    with (folder / "labels.csv").open(newline="") as lines:
        return [
            Picture(
                row["file"],
                GROUPS[1 - int(row["source"][-2:]) % 2],
                grey_of(folder / row["file"]),
                int(row["digit"]) if row["digit"] else None,
            )
            for row in csv.DictReader(lines)
        ]


def grey_of(path: Path) -> np.ndarray:
    """The pixels that the page makes of a file: on white paper, smaller, grey."""
    image = ImageOps.exif_transpose(Image.open(path)).convert("RGBA")
    white = Image.new("RGBA", image.size, "white")
    white.alpha_composite(image)
    scale = min(1.0, SIDE / max(image.size))
    width, height = (max(1, round(scale * length)) for length in image.size)
    smaller = white.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)
    return np.asarray(smaller.convert("L"))


def thin_lines() -> list[Picture]:
    """An upright ellipse, in lines of 1 to 4 pixels."""
    pictures = []
    for width in THIN:
        image = Image.new("L", (8 * SIDE, 8 * SIDE), "white")
        corners = (8 * 70, 8 * 38, 8 * 186, 8 * 218)
        ImageDraw.Draw(image).ellipse(corners, outline="black", width=8 * width)
        grey = np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BOX))
        pictures.append(Picture(f"0, {width} px", "thin lines", grey, 0))
    return pictures


def load(path: Path) -> Checkpoint:
    """A checkpoint of weights that `core.training` wrote."""
    found = read_weights(path.read_bytes())
    return Checkpoint(found.model, 0, 0, 0.0, found.state_dict, None)


def read(
    pictures: list[Picture],
    images: list[np.ndarray | None],
    checkpoint: Checkpoint,
    data: Dataset,
    detector: OutOfDistributionDetector,
) -> dict[str, Counts]:
    """Counts by group; prints what is wrong, and what is sure without being a digit."""
    predictor = Predictor()
    counts = {group: Counts(0, 0, 0, 0, 0) for group in GROUPS}
    for picture, image in zip(pictures, images, strict=True):
        right = sure = False
        answer = "no digit"
        if image is not None:
            (probabilities,) = predictor.probabilities(checkpoint, image[None] * np.float32(255))
            doubt, digit = detector.doubt(data, image, probabilities), int(probabilities.argmax())
            right, sure = digit == picture.digit, doubt is None
            answer = f"{digit}, {doubt or 'sure'}"
        one = picture.digit is not None
        new = (one, right, right and sure, one and sure and not right, sure and not one)
        counts[picture.group] = Counts(*map(sum, zip(counts[picture.group], new, strict=True)))
        if (one and not (right and sure)) or (sure and not one):
            print(f"  {picture.name}: {'none' if not one else picture.digit} read as {answer}")
    return counts


def total(counts: dict[str, Counts]) -> Counts:
    """Of both groups of real pictures."""
    return Counts(*map(sum, zip(*(counts[group] for group in GROUPS[:2]), strict=True)))


def print_counts(name: str, several: list[Counts]) -> None:
    """The worst of several counts."""
    digits, right, sure = (min(values) for values in list(zip(*several, strict=True))[:3])
    wrong, others = (max(values) for values in list(zip(*several, strict=True))[3:])
    print(
        f"  {name:12s}  of {digits} with one digit {right} right, {sure} sure, "
        f"{wrong} wrong and sure; of the others {others} sure"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pictures", description=__doc__)
    parser.add_argument("--pictures", type=Path, required=True, help="with labels.csv")
    parser.add_argument("--data-dir", type=Path, help="holds MNIST/raw (default: data/)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="default: 0 1 2")
    parser.add_argument(
        "--weights", type=Path, nargs="+", help="files of SimpleCNN to read with, not to train"
    )
    return parser


if __name__ == "__main__":
    main()
