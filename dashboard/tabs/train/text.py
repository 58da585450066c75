"""What the Train tab says about the shown run and its data set; part of the live `text`."""

from core.config import CHOICE_TITLES, PRESETS
from core.records.datasets import DatasetStatus
from core.records.runs import RunSnapshot, RunState
from dashboard.formatting import after_epochs, duration, percent
from dashboard.service import TrainingService

MNIST = (
    "MNIST: 60,000 handwritten digits to learn from, and 10,000 more, by other writers, to test it."
)
TOO_HIGH = "smaller learning rate"
"""Part of the error of a run whose loss became infinite."""


def describe(service: TrainingService, run: RunSnapshot | None) -> dict[str, str]:
    """The texts by the names that elements have in `data-live`."""
    ahead = None
    if run is not None and run.state is RunState.QUEUED:
        ahead = next((one for one in service.runs.all() if one.state is RunState.RUNNING), None)
    lead, rest = slot(run, ahead)
    return {
        "slot-lead": lead,
        "slot-rest": rest,
        "retry-rate": f"{retry_rate(run):g}" if run is not None and is_too_high(run) else "",
        "origin": "" if run is None else origin(run),
        "data": data(service.dataset_status()),
    }


def slot(run: RunSnapshot | None, ahead: RunSnapshot | None = None) -> tuple[str, str]:
    """What happened, and one more sentence. Both are empty while there is only training to explain.

    Args:
        ahead: the run that trains, if `run` waits for it.
    """
    if run is None:
        return "", ""
    if run.error or run.message:
        lead, end, rest = (run.error or f"{run.message}.").partition(". ")
        return lead + end.rstrip(), rest
    match run.state:
        case RunState.QUEUED:
            return _waiting(run, ahead)
        case RunState.PAUSED:
            return f"Paused {_place(run)}.", "Resume goes on from there."
        case RunState.STOPPED if not run.kept:
            return "Stopped before it began.", "Resume puts it back into the queue."
        case RunState.STOPPED:
            return f"Stopped {_place(run)}.", "It keeps what it learned."
        case RunState.INTERRUPTED:
            return "Digit Lab ended during this run.", "Resume goes on from what was saved last."
        case RunState.DONE:
            return _done(run), "Now draw a digit yourself."
        case _:
            return "", ""


def _waiting(run: RunSnapshot, ahead: RunSnapshot | None) -> tuple[str, str]:
    if ahead is None:
        return f"{run.title} waits for its turn.", ""
    if run.queue_place and run.queue_place > 1:
        return f"{run.title} waits for {ahead.title}", f"and others: place {run.queue_place}."
    left = ahead.seconds_left
    return f"{run.title} waits for {ahead.title}", f"for about {duration(left)}." if left else ""


def _place(run: RunSnapshot) -> str:
    if run.progress == int(run.progress):
        return after_epochs(run.progress)
    return f"in epoch {int(run.progress) + 1} of {run.epochs}"


def _done(run: RunSnapshot) -> str:
    if run.test_accuracy is None:
        return "It has learned."
    reached = percent(run.test_accuracy, 1)
    return f"{reached} in {duration(run.seconds)}." if run.seconds else f"{reached} right."


def is_too_high(run: RunSnapshot) -> bool:
    """Whether the run failed because of its learning rate."""
    return run.state is RunState.FAILED and TOO_HIGH in (run.error or "")


def retry_rate(run: RunSnapshot) -> float:
    """A learning rate that is likely to work: a tenth, or what a preset takes for the model."""
    known = [
        preset.config.learning_rate
        for preset in PRESETS.values()
        if preset.config.model == run.config["model"]
    ]
    rate = min([run.config["learning_rate"] / 10, *known[:1]])
    return float(f"{rate:.1g}")


def origin(run: RunSnapshot) -> str:
    """Where a run came from, if its settings do not tell all of it."""
    if run.brought_in:
        return "It came in a file. How it was trained is not known."
    if run.lesson is not None:
        return f"Taught {run.lesson.taught} drawings after epoch {run.lesson.epoch}."
    if run.parent is not None:
        return f"A fork after epoch {run.parent_epoch}: these settings hold from there on."
    return ""


def data(dataset: DatasetStatus) -> str:
    """The data set of the next run in a sentence; empty if it cannot be had."""
    if dataset.state == "unavailable":
        return ""
    if dataset.title == CHOICE_TITLES["mnist"]:
        return MNIST
    share = "" if dataset.progress is None else f", {percent(dataset.progress, 0)}"
    return f"{dataset.title}: {dataset.message}{share}" if dataset.message else dataset.title
