"""A run as a plain PyTorch script and as a Jupyter notebook that reproduce its numbers.

`script.py.jinja` is the program. Model, augmentation and normalization are copied from the
source of this project. `# %%` separates cells, as VS Code, Spyder and Jupytext do.
"""

import inspect
import json
import math
import re
import textwrap
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from core import models
from core.config import TrainConfig
from core.data import augmentation, dataset, mnist, synthetic
from core.device import DEVICE_TITLES
from core.errors import WrongStateError
from core.names import plain_text
from core.records.metrics import EpochMetrics, LearningRateChange, Metrics
from core.records.runs import RunSnapshot
from core.training.evaluation import EVALUATION_BATCH
from core.training.progress import reports_per_epoch
from core.training.state import AVERAGE_DECAY, AVERAGE_EVERY

OPTIMIZERS = {"adam": "Adam", "adamw": "AdamW", "sgd": "SGD"}

MAX_EVALUATIONS = 200
"""The script holds the numbers of at most so many epochs, evenly spaced."""

VARIABLES: dict[str, Callable[[TrainConfig], bool]] = {
    "epochs": lambda _: True,
    "batch_size": lambda _: True,
    "learning_rate": lambda _: True,
    "seed": lambda _: True,
    "beta1": lambda _: True,
    "beta2": lambda config: config.optimizer != "sgd",
    "weight_decay": lambda config: bool(config.weight_decay) or config.optimizer == "adamw",
    "warmup": lambda config: config.schedule == "onecycle",
    "label_smoothing": lambda config: bool(config.label_smoothing),
    "train_images": lambda config: bool(config.train_images),
}
"""For every setting that can be a variable of a script, whether it is one in the script of a run.
Other settings change the script's code; how often a run is evaluated changes nothing."""


def _source(*definitions: Callable[..., Any]) -> str:
    """The source of definitions, each with the first line of its docstring alone."""
    text = "\n\n".join(inspect.getsource(definition) for definition in definitions)
    return re.sub(r'("""[^"\n]+)\n.*?"""', r'\1"""', text.strip(), flags=re.DOTALL)


# Made once, and not by the threads that write scripts: Python 3.11 raises a SystemError when two
# threads parse in turns.
SOURCES = {
    "normalize": _source(dataset.normalize),
    "affine": _source(augmentation.affine),
    "simple_cnn": _source(models.SimpleCNN),
    "speedrun_cnn": _source(models.SpeedrunCNN),
    "accurate_cnn": _source(models.AccurateCNN, models._conv, models.GlobalMax),
    "mlp": _source(models.MLP),
}


def to_script(run: RunSnapshot, events: Sequence[Metrics]) -> str:
    """A Python script that trains the run again, from its beginning to its last epoch.

    It needs torch, and numpy for synthetic digits. On the run's machine its evaluations are equal
    to the run's, bit for bit.

    Args:
        run: a run that was trained here, not imported.
        events: all of its metrics.

    Raises:
        WrongStateError: it shares epochs with another run, its learning rate was changed, or its
            one-cycle schedule begins at the peak.
    """
    return _render(run, events, notebook=False)


def to_notebook(run: RunSnapshot, events: Sequence[Metrics]) -> str:
    """The same as a notebook (nbformat 4.5) that ends with curves and five test images.

    Raises:
        WrongStateError: see `to_script`.
    """
    cells = []
    for number, (kind, text) in enumerate(_split_cells(_render(run, events, notebook=True))):
        cell: dict[str, Any] = {"cell_type": kind, "id": f"cell-{number}", "metadata": {}}
        if kind == "code":
            cell |= {"execution_count": None, "outputs": []}
        cells.append({**cell, "source": text.splitlines(keepends=True)})
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    notebook = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def _split_cells(program: str) -> Iterator[tuple[str, str]]:
    """The kinds and texts of a notebook's cells. Title and first comment of a part are markdown."""
    parts = re.findall(r"^# %%(.*)\n((?:#.*\n)*)((?:(?!# %%).*\n)*)", program, re.MULTILINE)
    for number, (title, comment, code) in enumerate(parts):
        if title:
            text = re.sub(r"^# ?", "", comment, flags=re.MULTILINE)
            yield "markdown", f"#{'#' if number else ''}{title}\n\n{text}".strip()
        yield "code", code.strip()


def _render(run: RunSnapshot, events: Sequence[Metrics], notebook: bool) -> str:
    config = TrainConfig.model_construct(**run.config)
    _check_reproducible(run, config, events)
    fields = TrainConfig.model_fields
    variables = [name for name in fields if name in VARIABLES and VARIABLES[name](config)]
    title = plain_text(run.title)
    return TEMPLATES.get_template("script.py.jinja").render(
        run=run,
        # Brackets and braces behind a cell's title have a meaning for Jupytext.
        title=_as_markdown(title) if notebook else re.sub(r"[\[\]{}]", "", title),
        notebook=notebook,
        config=config,
        settings={name: json.dumps(getattr(config, name)) for name in variables},
        help={name: field.description for name, field in fields.items()},
        device={title: kind for kind, title in DEVICE_TITLES.items()}.get(run.device, "cpu"),
        bf16=run.precision == "bf16",
        mnist=run.dataset == "mnist" and run.dataset_title == mnist.TITLE,
        own_images=run.dataset == "mnist" and run.dataset_title != mnist.TITLE,
        synthetic_file=synthetic.FILE_NAME,
        mean=dataset.MEAN,
        std=dataset.STD,
        model_class=models.MODELS[config.model].__name__,
        optimizer=OPTIMIZERS[config.optimizer],
        evaluations=_evaluations(events),
        evaluation_batch=EVALUATION_BATCH,
        average_every=AVERAGE_EVERY,
        average_keeps=AVERAGE_DECAY,
        groups=reports_per_epoch(config.epochs),
        sources=SOURCES,
    )


def _check_reproducible(run: RunSnapshot, config: TrainConfig, events: Sequence[Metrics]) -> None:
    if run.parent_epoch:
        raise WrongStateError(
            f"{run.title} is a fork that shares epochs with another run, and a script trains from "
            "the beginning."
        )
    if any(isinstance(event, LearningRateChange) for event in events):
        raise WrongStateError(
            f"The learning rate of {run.title} was changed during training, and a script has one "
            "set of settings."
        )
    if events and config.schedule == "onecycle":
        steps = round(events[-1].step / events[-1].progress * run.epochs)
        if config.warmup * (steps + 1) == 1:
            raise WrongStateError(
                f"The learning rate of {run.title} begins at its peak. A script uses PyTorch's "
                "one-cycle schedule, which cannot do that."
            )


def _evaluations(events: Sequence[Metrics]) -> dict[int, tuple[float, ...]]:
    """The run's numbers at the ends of evenly spaced epochs, the last one included."""
    epochs = [
        event
        for event in events
        if isinstance(event, EpochMetrics) and event.progress == event.epoch
    ]
    stride = max(1, math.ceil(len(epochs) / MAX_EVALUATIONS))
    return {
        event.epoch: (event.train_loss, event.train_accuracy, event.test_loss, event.test_accuracy)
        for event in epochs[::-1][::stride][::-1]
    }


def _as_markdown(text: str) -> str:
    """A user's text for a notebook, which shows it as it is."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text)


def _comment(text: str) -> str:
    """A paragraph as lines of a comment."""
    return textwrap.fill(" ".join(text.split()), 100, initial_indent="# ", subsequent_indent="# ")


def _with_comment(statement: str, text: str) -> str:
    """A statement with a comment: behind it if there is room in the line, otherwise above."""
    line = f"{statement}  # {text}"
    return line if len(line) <= 100 else f"{_comment(text)}\n{statement}"


TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
    autoescape=False,
)
TEMPLATES.filters |= {"comment": _comment, "with_comment": _with_comment}
