"""When a network had better not be sure: `python -m benchmarks.doubt --pens FILE --data-dir D`.

Trains a network on each data set and shows it real digits (test images and pen strokes) and
scribbles that are no digit. Several measures of doubt are compared: for each, the limit is set
where one half of the real digits is doubted as often as `--doubted` says, and the other half and
the scribbles are counted. Then the same for the rule in `core.inference.confidence`, which has
limits of its own. Nothing is judged here: the figures are printed.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks import drawing
from benchmarks.scribbles import scribbles
from core import models
from core.data.catalog import DataCatalog
from core.data.dataset import Dataset, normalize
from core.device import configure_malloc
from core.drawing.strokes import preprocess_strokes
from core.errors import DatasetUnavailableError
from core.inference import confidence
from core.training.state import Checkpoint

SCRIBBLES = 500  # of each kind
SEED = 1
CLASSES = 10
TRAINED_ON = 10_000  # training images whose features measures may use


@dataclass(frozen=True)
class Seen:
    """Pictures (n, 28, 28) in 0..1 and what a network makes of them: logits and features (n, d).

    The features are the last layer's input. `labels` (n,) are None for scribbles.
    """

    pictures: Tensor
    logits: Tensor
    features: Tensor
    labels: Tensor | None

    @property
    def digits(self) -> Tensor:
        return self.logits.argmax(1)

    @property
    def right(self) -> Tensor:
        assert self.labels is not None, "a scribble has no right answer"
        return self.digits == self.labels

    def halves(self) -> tuple["Seen", "Seen"]:
        """The first half and the second, by other people in MNIST and in a file of pens."""
        assert self.labels is not None, "scribbles are not parted"
        fields = (self.pictures, self.logits, self.features, self.labels)
        first, second = zip(*(field.tensor_split(2) for field in fields), strict=True)
        return Seen(*first), Seen(*second)


Groups = dict[str, Seen]
Measure = Callable[[Seen], Tensor]
"""The doubt about each picture (n,): the larger, the less an answer should be believed."""


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    configure_malloc()
    pens = drawing.load_drawings(options.pens, options.canvas)
    pen_pictures, pen_labels = drawing.pictures_of(pens), torch.from_numpy(pens.labels)
    drawn = {
        kind: np.stack([preprocess_strokes(strokes).image for strokes in drawings])
        for kind, drawings in scribbles(SCRIBBLES, SEED).items()
    }
    catalog = DataCatalog(options.data_dir, drawing.ROOT / "data")
    for name in options.datasets:
        try:
            checkpoint = drawing.train(catalog, name, options.epochs, options.seed)
        except DatasetUnavailableError as error:
            print(f"\n{name}: {error}")
            continue
        data = catalog.load(name)
        digits = {
            "test": see(checkpoint, data.test_images / 255, data.test_labels),
            "pens": see(checkpoint, torch.from_numpy(pen_pictures), pen_labels),
        }
        others = {kind: see(checkpoint, torch.from_numpy(some)) for kind, some in drawn.items()}
        print(f"\nTrained on {name}, {options.epochs} epochs, seed {options.seed}")
        compare(measures(checkpoint, data), digits, others, options.doubted / 100)
        print_rule(data, digits, others)


def see(checkpoint: Checkpoint, pictures: Tensor, labels: Tensor | None = None) -> Seen:
    """What a network makes of pictures (n, 28, 28) in 0..1."""
    network = models.load(checkpoint.model, checkpoint.state_dict)
    last = [module for module in network.modules() if isinstance(module, nn.Linear)][-1]
    features: list[Tensor] = []
    hook = last.register_forward_pre_hook(lambda _, inputs: features.append(inputs[0]))
    with torch.inference_mode():
        logits = torch.cat([network(normalize(part * 255)) for part in pictures.split(500)])
    hook.remove()
    return Seen(pictures, logits, torch.cat(features), labels)


def measures(checkpoint: Checkpoint, data: Dataset) -> dict[str, Measure]:
    """By name, all that are compared; each is fitted on the training or the test images."""
    some = slice(TRAINED_ON)
    known = see(checkpoint, data.train_images[some] / 255, data.train_labels[some])
    held_out = see(checkpoint, data.test_images / 255, data.test_labels)
    heat = temperature(held_out)
    edges = confidence.hog_features(data.train_images)
    return {
        "largest probability": lambda seen: -seen.logits.log_softmax(1).amax(1),
        f"the same, temperature {heat:.2f}": lambda seen: (
            -(seen.logits / heat).log_softmax(1).amax(1)
        ),
        "energy": lambda seen: -seen.logits.logsumexp(1),
        "features, Mahalanobis": mahalanobis(known),
        "features, nearest": nearest(known.features, known.labels, lambda seen: seen.features),
        "grey levels, nearest": nearest(
            grey(data.train_images), data.train_labels, lambda seen: grey(seen.pictures)
        ),
        "edges, nearest": nearest(
            edges, data.train_labels, lambda seen: confidence.hog_features(seen.pictures)
        ),
    }


def temperature(seen: Seen) -> float:
    """The divisor of the logits with the least cross-entropy (C. Guo et al., "On calibration of
    modern neural networks", 2017)."""
    assert seen.labels is not None, "it is fitted on digits"
    heats = torch.linspace(-2, 2, 81).exp()
    losses = [F.cross_entropy(seen.logits / heat, seen.labels) for heat in heats]
    return float(heats[int(torch.stack(losses).argmin())])


def mahalanobis(known: Seen) -> Measure:
    """Squared distance from the nearest class mean, in the classes' common covariance (K. Lee et
    al., "A simple unified framework for detecting out-of-distribution samples", 2018)."""
    assert known.labels is not None, "classes have means"
    means = torch.stack([known.features[known.labels == c].mean(0) for c in range(CLASSES)])
    spread = known.features - means[known.labels]
    covariance = spread.T @ spread / len(spread)
    ridge = 1e-3 * covariance.diagonal().mean() * torch.eye(len(covariance))
    whiten = torch.linalg.inv(torch.linalg.cholesky(covariance + ridge)).T
    return lambda seen: torch.cdist(seen.features @ whiten, means @ whiten).amin(1).square()


def nearest(known: Tensor, labels: Tensor | None, of: Callable[[Seen], Tensor]) -> Measure:
    """1 - cosine with the nearest training image of the digit that the network reads."""
    assert labels is not None, "training images have labels"
    known = F.normalize(known, dim=1)

    def doubt(seen: Seen) -> Tensor:
        vectors = F.normalize(of(seen), dim=1)
        found = torch.ones(len(vectors))
        for digit in range(CLASSES):
            chosen = seen.digits == digit
            if chosen.any():
                found[chosen] = 1 - (vectors[chosen] @ known[labels == digit].T).amax(1)
        return found

    return doubt


def grey(images: Tensor) -> Tensor:
    """Mean grey level of each 2 x 2 pixels."""
    return F.avg_pool2d(images.unsqueeze(1).float(), 2).flatten(1)


def compare(named: dict[str, Measure], digits: Groups, others: Groups, doubted: float) -> None:
    print(
        f"  {'measure':30s}" + "".join(f"{name:>16s}" for name in [*digits, *others]) + "   right"
    )
    for name, measure in named.items():
        limit = limit_of([measure(seen.halves()[0]) for seen in digits.values()], doubted)
        second = {group: seen.halves()[1] for group, seen in digits.items()}
        doubts = {group: measure(seen) > limit for group, seen in (second | others).items()}
        print_row(name, doubts, second)


def limit_of(doubts: list[Tensor], doubted: float) -> float:
    """Where a share of all digits is doubted; every group weighs the same."""
    values = torch.cat(doubts)
    weights = torch.cat([torch.full((len(group),), 1 / len(group)) for group in doubts])
    order = values.argsort(descending=True)
    passed = weights[order].cumsum(0) / len(doubts)
    return float(values[order][int((passed < doubted).sum())])


def print_rule(data: Dataset, digits: Groups, others: Groups) -> None:
    judge = confidence.OutOfDistributionDetector()

    def doubted(seen: Seen) -> Tensor:
        chances = seen.logits.softmax(1).numpy()
        pairs = zip(seen.pictures.numpy(), chances, strict=True)
        return torch.tensor([judge.doubt(data, image, each) is not None for image, each in pairs])

    doubts = {group: doubted(seen) for group, seen in (digits | others).items()}
    print_row("core.inference.predictor.confidence", doubts, digits)


def print_row(name: str, doubts: dict[str, Tensor], digits: Groups) -> None:
    """How often a measure doubts, and how often the network is right where it does not."""
    shares = "".join(f"{100 * doubt.float().mean():14.1f} %" for doubt in doubts.values())
    right = [
        f"{100 * seen.right[~doubts[group]].float().mean():.2f} %" for group, seen in digits.items()
    ]
    print(f"  {name:30s}{shares}   {', '.join(right)}")


def _parser() -> argparse.ArgumentParser:
    parser = drawing.parser("python -m benchmarks.doubt", "When a network had better not be sure.")
    parser.add_argument(
        "--doubted",
        type=float,
        default=4.0,
        help="per cent of the real digits that each measure may doubt (default: 4)",
    )
    return parser


if __name__ == "__main__":
    main()
