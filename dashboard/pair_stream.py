"""What one page is shown of a pair of runs while they train: states, curve, what there is to ask.

`dashboard.stream` sends it, and `dashboard.tabs.compare` asks for what takes longer when the
version that is sent here says that there is something new.
"""

from typing import TYPE_CHECKING, Any

from core.errors import UnknownRun
from core.events import EpochMetrics, RunSnapshot
from core.records import Pair
from dashboard import ids, pair_figures, pair_words
from dashboard.comparison import Course

if TYPE_CHECKING:
    from core.service import TrainingService

Update = tuple[str, dict[str, Any]]
SHOWN: dict[str, str] = {}
HIDDEN = {"display": "none"}


class PairStream:
    """Follows the pair that a page looks at, and remembers what was painted of it."""

    def __init__(self, service: "TrainingService") -> None:
        self._service = service
        self._followed: dict[tuple[str, int], _Followed] = {}
        self._painted: dict[str, object] = {}

    def words(self, chosen: str | None) -> list[Update]:
        """Properties that are cheap to make and to compare with those that were sent before."""
        pairs = self._service.pairs.all()
        pair = _choose(pairs, chosen)
        several = len(pairs) > 1
        measuring = [run.run_id for run in pair.comparable] if pair and pair.ended else []
        try:
            progress = self._service.pairs.progress(measuring)
            version = self._version(pair)
        except UnknownRun:  # deleted this moment; the next look will not find it
            return []
        return [
            (ids.COMPARE_PICK, {"options": pair_words.options(pairs, chosen)}),
            (ids.COMPARE_CHOICE, {"style": SHOWN if several else HIDDEN}),
            (ids.COMPARE_SENTENCE, {"children": pair_words.sentence(pair)}),
            (ids.COMPARE_BODY, {"style": SHOWN if pair else HIDDEN}),
            (ids.COMPARE_PROGRESS, {"children": pair_words.progress(progress)}),
            (ids.COMPARE_VERSION, {"data": version}),
        ]

    def pictures(self, chosen: str | None) -> list[Update]:
        """Lines and curve, each only where it differs from what was painted before."""
        pair = _choose(self._service.pairs.all(), chosen)
        if pair is None:
            return []
        updates: list[Update] = []
        if self._is_new(ids.COMPARE_STATES, pair):
            updates.append((ids.COMPARE_STATES, {"children": pair_words.states(pair)}))
        courses = [Course(run, self._evaluations(run)) for run in pair.runs]
        points = [(course.run.run_id, len(course.evaluations)) for course in courses]
        if self._is_new(ids.COMPARE_CURVE, (points, [run.revision for run in pair.runs])):
            updates.append((ids.COMPARE_CURVE, {"figure": pair_figures.accuracy(courses)}))
        return updates

    def _version(self, pair: Pair | None) -> dict[str, Any] | None:
        """Changes whenever there is something to ask anew."""
        if pair is None:
            return None
        look = self._service.explorer.weights_version
        return {
            "pair": pair.name,
            "ended": pair.ended,
            "networks": [look(run.run_id) for run in pair.comparable],
            "states": [run.state.value for run in pair.runs],
        }

    def _evaluations(self, run: RunSnapshot) -> list[EpochMetrics]:
        followed = self._followed.setdefault((run.run_id, run.revision), _Followed())
        try:
            events, cursor = self._service.events_since(run.run_id, followed.cursor)
        except UnknownRun:  # as above
            return followed.evaluations
        followed.cursor = cursor
        followed.evaluations += [event for event in events if isinstance(event, EpochMetrics)]
        return followed.evaluations

    def _is_new(self, component: str, key: object) -> bool:
        before, self._painted[component] = self._painted.get(component), key
        return before != key


class _Followed:
    """The evaluations of a run so far, and where its events are to be read on."""

    def __init__(self) -> None:
        self.cursor = 0
        self.evaluations: list[EpochMetrics] = []


def _choose(pairs: list[Pair], chosen: str | None) -> Pair | None:
    """The chosen pair; the newest where none is chosen, or that one is gone."""
    return next((pair for pair in pairs if pair.name == chosen), pairs[0] if pairs else None)
