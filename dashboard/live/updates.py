"""The news for a page: `update(changes, place)`."""

import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, get_args

from core.errors import UnknownRunError
from core.records.metrics import Metrics
from core.records.runs import RunSnapshot
from dashboard.live.protocol import PROTOCOL, Message, Network, Place, Want
from dashboard.service import TrainingService

log = logging.getLogger(__name__)

OPTIONAL = set(get_args(Want))
ALWAYS = {"server", "version", "protocol", "shown", "revision", "cursor"}

Row = Callable[[RunSnapshot], dict[str, Any]]
Describe = Callable[[RunSnapshot | None], dict[str, str]]


@dataclass
class _Part:
    """A part of the messages: what it is, when it last changed and when it was last read."""

    value: Any
    changed: int
    read: int


class Changes:
    """The state of the service, with the version at which each part of it last changed.

    Attributes:
        server: a random name of this process.
        version: the version of what `refresh` read last.
    """

    def __init__(self, service: TrainingService, row: Row, describe: Describe) -> None:
        """
        Args:
            row: makes a row of the runs table.
            describe: gives the messages' `text` for a run, or for no run.
        """
        self._service, self._row, self._describe = service, row, describe
        self.server = secrets.token_hex(8)
        self.version = 0
        self._snapshots: dict[str, RunSnapshot] = {}
        self._rows: dict[str, _Part] = {}
        self._removed: dict[str, int] = {}
        self._run_parts: dict[str | None, dict[str, _Part]] = {}
        self._problems: dict[tuple[str | None, str], str] = {}
        self.refresh()

    def refresh(self) -> None:
        """Reads the list of runs again."""
        self.version += 1
        before, runs = self._snapshots, {run.run_id: run for run in self._service.runs.all()}
        for run_id, run in runs.items():
            # A snapshot is replaced when it changes. The weights of a run that trains change alone.
            same = before.get(run_id) is run and run.state.finished
            if same and (run_id, "row") not in self._problems:
                continue
            with suppress(UnknownRunError):  # deleted a moment ago: the next look finds it gone
                with self._noted(run_id, "row"):
                    network = self._service.predictions.weights_version(run_id)
                    self._store(self._rows, run_id, {**self._row(run), "network": network})
                self._removed.pop(run_id, None)
        for run_id in before.keys() - runs.keys():
            self._rows.pop(run_id, None)
            self._run_parts.pop(run_id, None)
            self._removed[run_id] = self.version
        self._snapshots = runs

    def rows_since(self, version: int) -> tuple[list[dict[str, Any]], list[str]]:
        """The rows that changed after a version, and the ids of the runs that went."""
        rows = [part.value for part in self._rows.values() if part.changed > version]
        return rows, [run_id for run_id, when in self._removed.items() if when > version]

    def find_run(self, wanted: str | None) -> str | None:
        """The wanted run, or else the one that trains, or the newest; None if there is none."""
        if wanted is not None and wanted not in self._snapshots:
            try:
                return self._service.runs.snapshot(wanted).run_id  # started a moment ago
            except UnknownRunError:
                return self._service.runs.latest()
        return wanted or self._service.runs.latest()

    def run_parts(self, run_id: str | None) -> dict[str, _Part]:
        """The parts of the messages that are about a run, read once for each version."""
        parts = self._run_parts.setdefault(run_id, {})
        if "problem" not in parts or parts["problem"].read < self.version:
            with self._noted(run_id, "run"):
                run = None if run_id is None else self._service.runs.snapshot(run_id)
                self._store(parts, "run", run)
                self._store(parts, "text", self._describe(run))
                self._store(parts, "network", self._network(run))
                newest = run and self._service.runs.newest_preview(run.run_id)
                self._store(parts, "preview", newest)
            self._store_problem(run_id)
        return parts

    def events(self, run_id: str, start: int) -> tuple[int, list[Metrics], int]:
        """A run's events from `start` on: the index of the first, the events, and the new cursor.

        From 0 on where `start` is past the end. Without events, and with a `problem`, if they
        cannot be read.
        """
        events: list[Metrics] = []
        with self._noted(run_id, "events"):
            events, cursor = self._service.runs.events_since(run_id, start)
            if start > cursor:
                start, (events, _) = 0, self._service.runs.events_since(run_id, 0)
        self._store_problem(run_id)
        return start, events, start + len(events)

    @contextmanager
    def _noted(self, run_id: str | None, what: str) -> Iterator[None]:
        """Goes on where something of a run cannot be read: remembers that, and logs what is new.

        Raises:
            UnknownRunError: there is no such run.
        """
        try:
            yield
            self._problems.pop((run_id, what), None)
        except UnknownRunError:
            raise
        except Exception as error:
            problem = _explain(error)
            if problem not in [text for (run, _), text in self._problems.items() if run == run_id]:
                log.warning("Run %s cannot be shown: its %s", run_id, what, exc_info=True)
            self._problems[run_id, what] = problem

    def _store_problem(self, run_id: str | None) -> None:
        found = (self._problems.get((run_id, what), "") for what in ("row", "run", "events"))
        self._store(self._run_parts[run_id], "problem", next(filter(None, found), ""))

    def _network(self, run: RunSnapshot | None) -> Network:
        if run is None:
            return Network(newest=None, kept=[])
        newest = self._service.predictions.weights_version(run.run_id)
        # A run without a network is named as well, or the page would show another run's network.
        without = f"{run.run_id}/{run.revision}/{run.state.value}"
        return Network(newest=newest or without, kept=list(run.kept))

    def _store(self, parts: dict[str, _Part], name: str, value: Any) -> None:
        part = parts.get(name)
        same = part is not None and part.value == value
        parts[name] = _Part(value, part.changed if part and same else self.version, self.version)


def _explain(error: Exception) -> str:
    what = str(error).rstrip(".") or type(error).__name__
    return (
        f"This run cannot be shown completely: {what}. "
        "Choose another run, or look at the window where Digit Lab was started."
    )


def update(changes: Changes, place: Place) -> Message:
    """The message with everything that is newer than `place`.

    Parts that cannot be read are missing, and `problem` says why.
    """
    known = place.version if place.server == changes.server else -1
    version = changes.version
    news: dict[str, Any] = {}
    rows, removed = changes.rows_since(known)
    if rows:
        news["runs"] = rows
    if removed:
        news["removed"] = removed
    run_id = changes.find_run(place.run)
    fresh = known < 0 or run_id != place.shown
    revision, cursor = (0, 0) if fresh else (place.revision, place.cursor)
    try:
        parts = changes.run_parts(run_id)
        run = parts["run"].value if "run" in parts else None
        if run is not None:
            # The snapshot was read before the events: these are never older.
            start = cursor if revision == run.revision else 0
            first, events, cursor = changes.events(run.run_id, start)
            revision = run.revision
            if events or fresh or first != place.cursor:
                news |= {"first": first, "events": events}
        news |= {
            name: part.value
            for name, part in parts.items()
            if (fresh or part.changed > known) and (name not in OPTIONAL or name in place.wants)
        }
    except UnknownRunError:  # deleted a moment ago: the page stays where it is until the next look
        version, run_id, revision, cursor = known, place.shown, place.revision, place.cursor
    return Message.model_construct(
        _fields_set={*ALWAYS, *news},
        server=changes.server,
        version=version,
        protocol=PROTOCOL,
        shown=run_id,
        revision=revision,
        cursor=cursor,
        **news,
    )


def has_news(message: Message, place: Place) -> bool:
    """Whether the message contains anything new for a page at `place`."""
    return bool(message.model_fields_set - ALWAYS) or message.server != place.server


def place_after(message: Message, place: Place) -> Place:
    """The place of a page that has received the message."""
    fields = {"server", "version", "shown", "revision", "cursor"}
    return place.model_copy(update={name: getattr(message, name) for name in fields})
