"""A run as a plain script and as a Jupyter notebook, which give its numbers without Digit Lab.

`script.py.jinja` is the program, with all that a run may need; here is decided what this run
needs of it. Both forms are the same cells: `# %%` parts them, as VS Code, Spyder and Jupytext know
it. This module does not know where runs are kept.
"""

import ast
import inspect
import json
import math
import re
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from core import models
from core.config import TrainConfig
from core.data import augmentation, dataset, synthetic
from core.device import DEVICE_TITLES
from core.records.metrics import EpochMetrics, LearningRateChange, Metrics
from core.records.runs import RunSnapshot, TrainingSegment
from core.training import evaluation, loop, optim, state

OPTIMIZERS = {"adam": "Adam", "adamw": "AdamW", "sgd": "SGD"}
MEMORY = ("beta1", "beta2", "weight_decay")
"""What an optimizer holds beside the learning rate, which each step sets."""

MOST_NUMBERS = 200
"""Of so many evaluations at most, evenly spaced, the run's own numbers are written down."""

Usage = Literal["", "sometimes", "always"]
"""How many of a run's stretches use something."""

NEEDED: dict[str, Callable[[Sequence[TrainConfig]], bool]] = {
    "epochs": lambda _: True,
    "batch_size": lambda _: True,
    "learning_rate": lambda _: True,
    "seed": lambda _: True,
    "beta1": lambda _: True,
    "beta2": lambda configs: any(config.optimizer != "sgd" for config in configs),
    "weight_decay": lambda configs: any(
        config.weight_decay or config.optimizer == "adamw" for config in configs
    ),
    "warmup": lambda configs: any(config.schedule == "onecycle" for config in configs),
    "label_smoothing": lambda configs: any(config.label_smoothing for config in configs),
    "evaluations_per_epoch": lambda configs: any(c.evaluations_per_epoch > 1 for c in configs),
    "train_images": lambda configs: any(config.train_images for config in configs),
    # Only a fork that changes them needs them as variables. Otherwise the program is another.
    "schedule": lambda configs: len({config.schedule for config in configs}) > 1,
    "augmentation": lambda configs: len({config.augmentation for config in configs}) > 1,
    "precision": lambda configs: len({config.precision for config in configs}) > 1,
    # The program is another for each of their values.
    "optimizer": lambda _: False,
    "weight_averaging": lambda _: False,
    "model": lambda _: False,
    "dataset": lambda _: False,
}
"""Of every setting, whether the program of a run with such stretches has it as a variable."""


def to_script(run: RunSnapshot, events: Sequence[Metrics]) -> str:
    """A Python script that trains the run once more, up to where it stands.

    It needs torch, and numpy for the digits that Digit Lab makes. On the machine of the run its
    evaluations are the run's own bit for bit.

    Args:
        run: one that was trained here, not brought in.
        events: all that it has told.
    """
    return _program(run, events, notebook=False)


def to_notebook(run: RunSnapshot, events: Sequence[Metrics]) -> str:
    """The same as a notebook (nbformat 4.5), with curves and five test images at its end."""
    cells = []
    for number, (kind, text) in enumerate(_cells(_program(run, events, notebook=True))):
        cell: dict[str, Any] = {"cell_type": kind, "id": f"cell-{number}", "metadata": {}}
        if kind == "code":
            cell |= {"execution_count": None, "outputs": []}
        cells.append({**cell, "source": text.splitlines(keepends=True)})
    python = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": python, "language_info": {"name": "python"}}
    notebook = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def _cells(program: str) -> Iterator[tuple[str, str]]:
    for part in re.split(r"^# %%", program, flags=re.MULTILINE)[1:]:
        kind, text = part.split("\n", 1)
        if "markdown" in kind:
            yield "markdown", re.sub(r"^# ?", "", text.strip(), flags=re.MULTILINE)
        else:
            yield "code", text.strip()


def _program(run: RunSnapshot, events: Sequence[Metrics], notebook: bool) -> str:
    progress = events[-1].progress if events else 0
    stop = progress if 0 < progress < run.epochs else None
    trained = list(_trained(run, run.epochs if stop is None else stop))
    configs = [stretch.config for stretch in trained]
    names = [name for name in TrainConfig.model_fields if NEEDED[name](configs)]
    model = models.MODELS[configs[0].model].__name__
    precision = _usage(config.precision == "bf16" for config in configs)
    return TEMPLATES.get_template("script.py.jinja").render(
        run=run,
        title=_one_line(run.title),
        device={title: kind for kind, title in DEVICE_TITLES.items()}.get(run.device, "cpu"),
        notebook=notebook,
        config=configs[0],
        settings={name: json.dumps(getattr(configs[0], name)) for name in names},
        help={name: field.description for name, field in TrainConfig.model_fields.items()},
        stretches=[_code(*pair, names) for pair in zip(trained, [None, *trained], strict=False)],
        stop=stop,
        rates={e.progress: e.learning_rate for e in events if isinstance(e, LearningRateChange)},
        evaluations=_own_numbers(events),
        mnist=run.dataset == "mnist",
        synthetic_file=synthetic.FILE_NAME,
        model_class=model,
        sources={
            "normalize": _source(dataset, "normalize"),
            "model": _source(models, model),
            "affine": _source(augmentation, "affine"),
            "one_cycle": _source(optim, "one_cycle"),
        },
        affine=_usage(config.augmentation == "affine" for config in configs),
        cycle=_usage(config.schedule == "onecycle" for config in configs),
        averaging=_usage(config.weight_averaging for config in configs),
        bf16=precision,
        autocast_enabled=', enabled=precision == "bf16"' if precision == "sometimes" else "",
        evaluation=evaluation,
        learner=state,
        training=loop,
    )


@dataclass(frozen=True)
class _Stretch:
    """Epochs under the same settings; the precision is the one that was computed in."""

    first: int
    last: int
    config: TrainConfig


def _trained(run: RunSnapshot, until: float) -> Iterator[_Stretch]:
    """The stretches that begin before a place, in epochs. Neighbours of one kind are one."""
    first = 1
    stretches = run.stretches()
    for stretch, following in zip(stretches, (*stretches[1:], None), strict=True):
        if following and _resolved(stretch) == _resolved(following):
            continue
        if first - 1 < until:
            yield _Stretch(first, stretch.until, _resolved(stretch))
        first = stretch.until + 1


def _resolved(stretch: TrainingSegment) -> TrainConfig:
    return TrainConfig.model_construct(**{**stretch.config, "precision": stretch.precision})


def _code(now: _Stretch, before: _Stretch | None, names: list[str]) -> dict[str, Any]:
    """What a stretch is in the program: its epochs, what changes before them, its optimizer."""
    changed = [
        name
        for name in names
        if before and getattr(now.config, name) != getattr(before.config, name)
    ]
    return {
        "first": now.first,
        "last": now.last,
        "changes": {name: json.dumps(getattr(now.config, name)) for name in changed},
        "optimizer": _optimizer(now.config, before.config if before else None, names),
        "averages": now.config.weight_averaging,
    }


def _optimizer(now: TrainConfig, before: TrainConfig | None, names: list[str]) -> str:
    """A new optimizer, another memory for one whose kind stays, or nothing if all of it does."""
    momentum = "momentum=beta1" if now.optimizer == "sgd" else "betas=(beta1, beta2)"
    decay = ["weight_decay=weight_decay"] if "weight_decay" in names else []
    if before is None or before.optimizer != now.optimizer:
        arguments = ["model.parameters()", "lr=learning_rate", momentum, *decay, "fused=True"]
        lines = "".join(f"    {argument},\n" for argument in arguments)
        return f"optimizer = torch.optim.{OPTIMIZERS[now.optimizer]}(\n{lines})"
    if all(getattr(now, name) == getattr(before, name) for name in MEMORY):
        return ""
    update = ", ".join([momentum, *decay])
    return f"for group in optimizer.param_groups:\n    group.update({update})"


def _own_numbers(events: Sequence[Metrics]) -> dict[float, tuple[float, ...]]:
    found = [event for event in events if isinstance(event, EpochMetrics)]
    stride = max(1, math.ceil(len(found) / MOST_NUMBERS))
    return {
        e.progress: (e.train_loss, e.train_accuracy, e.test_loss, e.test_accuracy)
        for e in found[::-1][::stride][::-1]  # the last one always
    }


def _usage(used: Iterable[bool]) -> Usage:
    found = set(used)
    return "" if True not in found else "sometimes" if False in found else "always"


def _one_line(text: str) -> str:
    """Words of a person, fit for a comment: nothing in them can begin another line."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _comment(text: str) -> str:
    """A paragraph as lines of a comment."""
    return textwrap.fill(" ".join(text.split()), 100, initial_indent="# ", subsequent_indent="# ")


def _source(module: ModuleType, name: str) -> str:
    """The source of a definition, with all that it uses of its own module, in the same order."""
    lines = inspect.getsource(module).splitlines()
    body = ast.parse("\n".join(lines)).body
    defined = {name: node for node in body for name in _names(node)}
    wanted, chosen = [name], set()
    while wanted:
        node = defined[wanted.pop()]
        if node not in chosen:
            chosen.add(node)
            used = [part.id for part in ast.walk(node) if isinstance(part, ast.Name)]
            wanted += [other for other in used if other in defined]
    text = ""
    constants = True
    for node, following in zip(body, [*body[1:], None], strict=True):
        if node in chosen:
            last = following if following is not None and _is_text(following) else node
            text += "" if not text else "\n" if constants and _is_constant(node) else "\n\n\n"
            text += "\n".join(lines[node.lineno - 1 : last.end_lineno])
            constants = _is_constant(node)
    return text


def _names(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Assign):
        parts = [part for target in node.targets for part in ast.walk(target)]
        return [part.id for part in parts if isinstance(part, ast.Name)]
    return []


def _is_constant(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign)


def _is_text(node: ast.stmt) -> bool:
    """What is said of the constant before it."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
    autoescape=False,
)
TEMPLATES.filters["comment"] = _comment
