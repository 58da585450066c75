"""What it costs to look inside a network: `python -m benchmarks.inside --data-dir D`.

For each model, trained for a moment: how long its feature maps, the attributions of one image, the
features of a sample, its embeddings and its robustness take; and how long the questions about all
test images take, which no network is asked for. Medians of several rounds where a round is short.
Nothing is judged here: the figures are printed.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from core import models
from core.analysis import mistakes, robustness
from core.config import parse_config
from core.data.catalog import DataCatalog
from core.data.dataset import Dataset
from core.device import configure_malloc
from core.errors import NoConvolutionError
from core.explain import projection
from core.explain.activations import Network
from core.explain.attribution import attribute
from core.records.explanations import ATTRIBUTION_METHODS
from core.training.loop import fit
from core.training.state import Checkpoint

ROOT = Path(__file__).resolve().parent.parent
EPOCHS = 20
T = TypeVar("T")


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    torch.set_num_threads(options.threads)
    configure_malloc()
    data = DataCatalog(options.data_dir, ROOT / "data").load(options.dataset)
    print(f"{data.title}, {options.threads} thread(s), {options.points} points; milliseconds")
    for name in options.models:
        checkpoint = train(name, data, options.train_images)
        if name == options.models[0]:
            print_mistakes(checkpoint, data)
        print_inside(checkpoint, data, options.points, options.robustness_images)


def train(name: str, data: Dataset, images: int) -> Checkpoint:
    """A network after one epoch on so many images."""
    settings = {"model": name, "epochs": 1, "train_images": images, "batch_size": 128}
    *_, last = fit(parse_config(settings), data)
    assert isinstance(last, Checkpoint)
    return last


def print_mistakes(checkpoint: Checkpoint, data: Dataset) -> None:
    said, labels = checkpoint.test_probabilities, data.test_labels.numpy()
    assert said is not None
    print(f"\n{len(labels):,} test images")
    show("confusion", lambda: mistakes.confusion(said, labels))
    for order in mistakes.Order:
        show(f"all, by {order.value}", lambda: mistakes.select(said, labels, ANY, order))  # noqa: B023
    history = np.repeat(said.argmax(1)[None], EPOCHS, axis=0)
    history[1::2, ::7] = 0
    show(f"courses over {EPOCHS} epochs", lambda: mistakes.learning_categories(history, labels))


def print_inside(checkpoint: Checkpoint, data: Dataset, points: int, count: int) -> None:
    images, labels = data.test_images.numpy(), data.test_labels.numpy()
    image = images[0] / np.float32(255)
    print(f"\n{checkpoint.model}")
    network = show("open", lambda: Network(checkpoint.model, checkpoint.state_dict))
    view = show("feature maps", lambda: network.look(image))
    layer = network.layers[-2 if network.layers[-2].kernel else -1]
    show("one step", lambda: network.step(view, layer.name, 0))
    for method in ATTRIBUTION_METHODS:
        try:
            attribute(network, image, method)  # Captum is loaded the first time
        except NoConvolutionError:
            continue
        show(method, lambda: attribute(network, image, method))  # noqa: B023
    sample = images[projection.choose(len(images), points)]
    features = show("features", lambda: network.features(sample), rounds=1)
    flat = show("PCA", lambda: projection.pca(features))
    show("PCA, aligned", lambda: projection.pca(features, flat.points))
    projection.tsne(features[:50])  # openTSNE is loaded the first time
    layout = show("t-SNE", lambda: projection.tsne(features, flat.points), rounds=1)
    show("t-SNE, place a drawing", lambda: layout.place(features[:1]))
    show(
        f"robustness, {count} images",
        lambda: robustness.measure(
            checkpoint.model, checkpoint.state_dict, images, labels, count=count
        ),
        rounds=1,
    )


def show(what: str, work: Callable[[], T], rounds: int = 7) -> T:
    """Prints the median time of some rounds; gives what the last one gave."""
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - began)
    print(f"  {what:<28}{1000 * float(np.median(times)):>10.2f}", flush=True)
    return result


ANY = mistakes.Choice()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", type=Path, help="a folder that holds MNIST/raw")
    parser.add_argument("--dataset", default="auto", help="mnist, synthetic or auto")
    parser.add_argument("--models", nargs="+", default=list(models.MODELS), help="which models")
    parser.add_argument("--train-images", type=int, default=6000, help="to train on")
    parser.add_argument("--points", type=int, default=2000, help="of the embeddings")
    parser.add_argument("--robustness-images", type=int, default=1000, help="per strength")
    parser.add_argument("--threads", type=int, default=1, help="of torch")
    return parser


if __name__ == "__main__":
    main()
