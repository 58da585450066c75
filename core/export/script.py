"""A run as a plain PyTorch script and as a Jupyter notebook that reproduce its numbers.

`script.py.jinja` is the program. Model, augmentation, schedule and normalization are copied from
the source of this project. `# %%` separates cells, as VS Code, Spyder and Jupytext do.
"""

import ast
import inspect
import json
import math
import re
import textwrap
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from core import models
from core.config import TrainConfig
from core.data import augmentation, dataset, mnist, synthetic
from core.device import DEVICE_TITLES
from core.errors import WrongStateError
from core.records.metrics import EpochMetrics, LearningRateChange, Metrics
from core.records.runs import RunSnapshot
from core.training import optim
from core.training.evaluation import EVALUATION_BATCH
from core.training.progress import MAX_BATCH_EVENTS_PER_EPOCH, MAX_BATCH_EVENTS_PER_RUN
from core.training.state import AVERAGE_DECAY, AVERAGE_EVERY

OPTIMIZERS = {"adam": "Adam", "adamw": "AdamW", "sgd": "SGD"}

MAX_EVALUATIONS = 200
"""The script holds the numbers of at most so many evaluations, evenly spaced."""

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
    "evaluations_per_epoch": lambda config: config.evaluations_per_epoch > 1,
    "train_images": lambda config: bool(config.train_images),
    # These change the code of the script.
    "optimizer": lambda _: False,
    "schedule": lambda _: False,
    "augmentation": lambda _: False,
    "weight_averaging": lambda _: False,
    "precision": lambda _: False,
    "model": lambda _: False,
    "dataset": lambda _: False,
}
"""For every setting, whether the script of a run has it as a variable."""


def to_script(run: RunSnapshot, events: Sequence[Metrics]) -> str:
    """A Python script that trains the run again, from its beginning to its last epoch.

    It needs torch, and numpy for synthetic digits. On the run's machine its evaluations are equal
    to the run's, bit for bit.

    Args:
        run: a run that was trained here, not imported.
        events: all of its metrics.

    Raises:
        WrongStateError: it is a fork, or its learning rate was changed.
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
    for part in re.split(r"^# %%", program, flags=re.MULTILINE)[1:]:
        header, text = part.split("\n", 1)
        if "markdown" in header:
            yield "markdown", re.sub(r"^# ?", "", text.strip(), flags=re.MULTILINE)
        else:
            yield "code", text.strip()


def _render(run: RunSnapshot, events: Sequence[Metrics], notebook: bool) -> str:
    _check_reproducible(run, events)
    config = TrainConfig.model_construct(**run.config)
    model_class = models.MODELS[config.model].__name__
    variables = [name for name in TrainConfig.model_fields if VARIABLES[name](config)]
    fields = TrainConfig.model_fields.items()
    return TEMPLATES.get_template("script.py.jinja").render(
        run=run,
        title=_as_markdown(_one_line(run.title)) if notebook else _one_line(run.title),
        notebook=notebook,
        config=config,
        settings={name: json.dumps(getattr(config, name)) for name in variables},
        help={name: field.description for name, field in fields},
        device={title: kind for kind, title in DEVICE_TITLES.items()}.get(run.device, "cpu"),
        bf16=run.precision == "bf16",
        mnist=run.dataset == "mnist" and run.dataset_title == mnist.TITLE,
        own_images=run.dataset == "mnist" and run.dataset_title != mnist.TITLE,
        synthetic_file=synthetic.FILE_NAME,
        model_class=model_class,
        optimizer=OPTIMIZERS[config.optimizer],
        evaluations=_evaluations(events),
        evaluation_batch=EVALUATION_BATCH,
        average_every=AVERAGE_EVERY,
        average_keeps=AVERAGE_DECAY,
        groups=min(MAX_BATCH_EVENTS_PER_EPOCH, max(1, MAX_BATCH_EVENTS_PER_RUN // config.epochs)),
        sources={
            "normalize": _source(dataset, "normalize"),
            "model": _source(models, model_class),
            "affine": _source(augmentation, "affine"),
            "one_cycle": _source(optim, "one_cycle"),
        },
    )


def _check_reproducible(run: RunSnapshot, events: Sequence[Metrics]) -> None:
    if run.parent_epoch:
        raise WrongStateError(
            f"{run.title} is a fork that shares epochs with another run, and a script trains from "
            "the beginning. The run that it was forked from can be exported."
        )
    if any(isinstance(event, LearningRateChange) for event in events):
        raise WrongStateError(
            f"The learning rate of {run.title} was changed during training, and a script has one "
            "set of settings."
        )


def _evaluations(events: Sequence[Metrics]) -> dict[float, tuple[float, ...]]:
    """The run's numbers at evenly spaced evaluations, the last one included."""
    epochs = [event for event in events if isinstance(event, EpochMetrics)]
    stride = max(1, math.ceil(len(epochs) / MAX_EVALUATIONS))
    return {
        event.progress: (
            event.train_loss,
            event.train_accuracy,
            event.test_loss,
            event.test_accuracy,
        )
        for event in epochs[::-1][::stride][::-1]
    }


def _one_line(text: str) -> str:
    """A user's text for a comment: nothing in it can start another line."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


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


# Python 3.11 counts how deep it is in a tree for all threads at once, and raises a SystemError when
# two of them parse in turns: a script and a notebook may be asked for at the same time.
_PARSING = threading.Lock()


def _source(module: ModuleType, name: str) -> str:
    """The source of a definition and of everything in its module that it uses."""
    lines = inspect.getsource(module).splitlines()
    with _PARSING:
        statements = ast.parse("\n".join(lines)).body
    definitions = {defined: node for node in statements for defined in _defined_names(node)}
    needed: set[ast.stmt] = set()
    queue = [name]
    while queue:
        node = definitions[queue.pop()]
        if node not in needed:
            needed.add(node)
            used = [part.id for part in ast.walk(node) if isinstance(part, ast.Name)]
            queue += [other for other in used if other in definitions]
    text, previous = "", None
    for node in statements:
        if node in needed:
            both_constants = isinstance(node, ast.Assign) and isinstance(previous, ast.Assign)
            text += "" if previous is None else "\n" if both_constants else "\n\n\n"
            text += "\n".join(_without_details(node, lines))
            previous = node
    return text


def _without_details(node: ast.stmt, lines: Sequence[str]) -> list[str]:
    """The lines of a definition, with the first line of its docstring alone."""
    first, last = node.lineno - 1, node.end_lineno or node.lineno
    text = list(lines[first:last])
    body = getattr(node, "body", [])
    if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        start, end = body[0].lineno - 1 - first, (body[0].end_lineno or 0) - first
        if end - start > 1:
            text[start:end] = [f'{text[start]}"""']
    return text


def _defined_names(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Assign):
        parts = [part for target in node.targets for part in ast.walk(target)]
        return [part.id for part in parts if isinstance(part, ast.Name)]
    return []


TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
    autoescape=False,
)
TEMPLATES.filters |= {"comment": _comment, "with_comment": _with_comment}
