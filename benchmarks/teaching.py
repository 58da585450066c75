"""What lessons change: `python -m benchmarks.teaching --pens FILE --data-dir D`.

Trains Fast on MNIST and teaches it some drawings of one writer, mixed with images that it knew and
not, as "Teach it" does. Printed is what it reads right of the writer's other drawings and of the
test images of MNIST, before and after each epoch of the lesson. In the file of pens the writers
follow each other, `--each` drawings from every one. Nothing is judged here.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks import drawing
from core import lessons
from core.config import parse_config
from core.datasets import DataCatalog, Dataset
from core.events import EpochMetrics
from core.runtime import keep_memory
from core.training import Checkpoint, fit


def main(arguments: Sequence[str] | None = None) -> None:
    parser = drawing.parser("python -m benchmarks.teaching", "What lessons change.")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--writers", type=int, nargs="+", help="by number; else the worst read")
    parser.add_argument("--each", type=int, default=250, help="drawings of a writer in the file")
    parser.add_argument("--taught", type=int, nargs="+", default=[20], help="how many are taught")
    parser.add_argument("--rates", type=float, nargs="+", help="learning rates to try")
    parser.add_argument("--lesson", type=int, default=lessons.EPOCHS, help="epochs of a lesson")
    options = parser.parse_args(arguments)
    keep_memory()
    pens = drawing.load_drawings(options.pens, options.canvas)
    pictures = (drawing.pictures_of(pens) * 255).round().astype(np.uint8)
    catalog = DataCatalog(options.data_dir, Path("data"))
    for seed in range(options.seed, options.seed + options.seeds):
        network = drawing.train(catalog, "mnist", options.epochs, seed)
        right = drawing.read_pictures(network, pictures / np.float32(255)) == pens.labels
        starts = range(0, len(right), options.each)
        worst = int(np.argmin([right[start:][: options.each].mean() for start in starts]))
        print(f"seed {seed}: all writers {right.mean():.1%}, the worst is {worst}", flush=True)
        for writer in options.writers or [worst]:
            theirs = slice(writer * options.each, (writer + 1) * options.each)
            for count in options.taught:
                for rate in options.rates or [lessons.SETTINGS["learning_rate"]]:
                    for mixed in (True, False):
                        course = teach(
                            catalog.load("mnist"),
                            network,
                            lesson_of(pictures[theirs], pens.labels[theirs], count, mixed),
                            {"learning_rate": rate, "epochs": options.epochs + options.lesson},
                            {"preset": "fast", "dataset": "mnist", "seed": seed},
                        )
                        how = "mixed" if mixed else "alone"
                        print(f"  writer {writer}, {count} {how}, {rate:g}: {course}", flush=True)


def lesson_of(
    pictures: np.ndarray, labels: np.ndarray, count: int, mixed: bool
) -> lessons.LessonData:
    """The first so many are taught, all others held out."""
    held_out = np.arange(len(labels)) >= count
    return lessons.LessonData(pictures, labels, held_out, pictures[:0], mixed)


def teach(
    data: Dataset,
    network: Checkpoint,
    lesson: lessons.LessonData,
    changes: dict[str, float],
    before: dict[str, object],
) -> str:
    """Shares of the held-out drawings and of the test images, before and after each epoch."""
    config = parse_config({**before, **lessons.SETTINGS, **changes})
    config, material = lessons.data_for(lesson, config, data)
    assert network.test_probabilities is not None, "it was evaluated"
    tested = float((network.test_probabilities.argmax(1) == data.test_labels.numpy()).mean())
    images = lesson.images[lesson.held_out] / np.float32(255)

    def shares(checkpoint: Checkpoint) -> str:
        right = drawing.read_pictures(checkpoint, images) == lesson.labels[lesson.held_out]
        return f"{right.mean():.1%}, {tested:.2%}"

    course = [shares(network)]
    for event in fit(config, material, resume=network.resume):
        if isinstance(event, EpochMetrics):
            tested = event.test_accuracy
        elif isinstance(event, Checkpoint) and event.resume is not None:
            course.append(shares(event))
    return " > ".join(course)


if __name__ == "__main__":
    main()
