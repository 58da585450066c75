"""What a page is sent: everything once, then what changed, and nothing that is out of sight."""

import json
import queue
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from dash import Patch
from dash._utils import to_json

from core.config import TrainConfig
from core.events import BatchMetrics, EpochMetrics, RunState
from core.service import TrainingService
from core.training import Checkpoint, Event
from dashboard import curve_figures, ids, status
from dashboard.curve_figures import CurveStyle
from dashboard.series import Series
from dashboard.stream import PUSH_SECONDS, PageStream, Update, View, pause
from tests.conftest import MakeService, WaitUntil

TRAIN = View("a page", ids.TAB_TRAIN)
CURVES = View("a page", ids.TAB_CURVES)
DRAW = View("a page", ids.TAB_DRAW)
GRAPHS = {ids.TRAIN_CURVE, ids.CURVES_LOSS, ids.CURVES_ACCURACY}


class FakeFit:
    """A `fit` that trains nothing and yields the events that a test reports."""

    def __init__(self) -> None:
        self._events: queue.Queue[Event | None] = queue.Queue()

    def __call__(self, config: TrainConfig, *_: Any, **asked: Any) -> Iterator[Event]:
        yield Checkpoint(config.model, 0, 0, 0.0, {}, None)
        while not asked["should_stop"]():
            try:
                event = self._events.get(timeout=0.02)
            except queue.Empty:
                continue
            if event is None:
                return
            yield event

    def report(self, *events: Event) -> None:
        for event in events:
            self._events.put(event)

    def end(self) -> None:
        self._events.put(None)


class StreamHarness:
    """A service with a fake `fit`, and the stream of one page."""

    def __init__(self, service: TrainingService, fit: FakeFit, wait_until: WaitUntil) -> None:
        self.service, self._fit, self._wait_until = service, fit, wait_until
        self.stream = PageStream(service)
        self._reported = 0

    def start(self) -> str:
        """Starts a run whose events `report` gives."""
        self.service.start(TrainConfig(epochs=2, precision="fp32"))
        return self.follow()

    def follow(self) -> str:
        """Waits until the latest run has begun; `report` then gives its events."""
        run_id = self.service.latest_run()
        assert run_id is not None
        self._reported = 0
        # The first checkpoint changes the version of the weights: wait until it is there.
        self._wait_until(lambda: (self.service.explorer.weights_version() or "").startswith(run_id))
        return run_id

    def report(self, *events: BatchMetrics | EpochMetrics) -> None:
        """Gives the run's next events, and waits until the service has them."""
        self._fit.report(*events)
        self._reported += len(events)
        run_id = self.service.latest_run()
        assert run_id is not None
        self._wait_until(lambda: self.service.events_since(run_id, 0)[1] == self._reported)

    def end(self) -> None:
        """Ends the run, and waits until the service has noticed."""
        self._fit.end()
        self._wait_until(lambda: self.service.snapshot().state.finished)

    def sent(self, view: View) -> dict[str, dict[str, Any]]:
        """What the stream sends next to a page that looks at the view, by component."""
        return by_component(self.stream.updates(view))


@pytest.fixture
def harness(make_service: MakeService, wait_until: WaitUntil) -> StreamHarness:
    fit = FakeFit()
    return StreamHarness(make_service(fit=fit), fit, wait_until)


def batch(step: int) -> BatchMetrics:
    return BatchMetrics(
        epoch=1 + (step > 10),
        step=step,
        progress=step / 10,
        loss=2.0 / step,
        accuracy=1 - 1 / (step + 1),
        learning_rate=1e-3,
        images_per_second=1000.0 + step,
        seconds=0.1 * step,
    )


def evaluation(epoch: int) -> EpochMetrics:
    return EpochMetrics(
        epoch=epoch,
        step=10 * epoch,
        progress=float(epoch),
        train_loss=1.0,
        train_accuracy=0.5,
        test_loss=0.25,
        test_accuracy=0.75,
        images_per_second=1000.0,
        seconds=1.0 * epoch,
    )


def by_component(updates: list[Update]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for component, properties in updates:
        found.setdefault(component, {}).update(properties)
    return found


def points(figure: Any, trace: int = 0) -> list[float]:
    values: list[float] = json.loads(figure.to_json())["data"][trace]["y"]
    return values


def test_the_first_call_tells_a_new_page_all_there_is(harness: StreamHarness) -> None:
    sent = harness.sent(TRAIN)
    assert sent[ids.STATUS_STATE]["children"] == "ready"
    assert sent[ids.STOP_BUTTON] == {"disabled": True}
    assert sent[ids.RUN_MESSAGE]["children"] == status.run_words(None)
    assert sent[ids.EPOCH_TOLD] == {"data": {"newest": None, "kept": []}}
    assert points(sent[ids.TRAIN_CURVE]["figure"]) == []


def test_a_second_call_sends_nothing_when_nothing_happened(harness: StreamHarness) -> None:
    for view in (TRAIN, CURVES):
        harness.stream.updates(view)
        assert harness.stream.updates(view) == []


def test_a_second_call_during_a_run_sends_nothing_when_nothing_happened(
    harness: StreamHarness,
) -> None:
    harness.start()
    harness.report(batch(1), batch(2))
    for view in (TRAIN, CURVES):
        assert harness.stream.updates(view)
        assert harness.stream.updates(view) == []


def test_of_a_component_only_what_changed_is_sent(harness: StreamHarness) -> None:
    harness.start()
    harness.report(batch(1))
    harness.stream.updates(DRAW)
    harness.report(batch(2))
    sent = harness.sent(DRAW)
    assert sent[ids.STATUS_SPEED] == {"children": "1,002"}
    assert ids.STATUS_STATE not in sent
    assert ids.STATUS_DEVICE not in sent
    assert ids.TRAIN_BUTTON not in sent


@pytest.mark.parametrize(
    ("view", "graphs"),
    [
        (TRAIN, {ids.TRAIN_CURVE}),
        (CURVES, {ids.CURVES_LOSS, ids.CURVES_ACCURACY}),
        (replace(TRAIN, tab=ids.TAB_GALLERY), set()),
        (DRAW, set()),
    ],
    ids=["train", "curves", "gallery", "draw"],
)
def test_only_the_graphs_of_the_tab_in_sight_are_sent(
    harness: StreamHarness, view: View, graphs: set[str]
) -> None:
    harness.start()
    harness.report(batch(1))
    assert harness.sent(view).keys() & GRAPHS == graphs
    harness.report(batch(2), evaluation(1))
    assert harness.sent(view).keys() & GRAPHS == graphs


def test_a_tab_that_comes_into_sight_shows_what_happened_meanwhile(harness: StreamHarness) -> None:
    harness.start()
    harness.report(batch(1))
    harness.stream.updates(DRAW)
    harness.report(batch(2), batch(3))
    harness.stream.updates(DRAW)
    sent = harness.sent(CURVES)
    assert points(sent[ids.CURVES_LOSS]["figure"]) == [2.0, 1.0, 2.0 / 3]


def test_after_a_full_figure_points_come_as_a_patch(harness: StreamHarness) -> None:
    harness.start()
    harness.report(batch(1), batch(2))
    assert points(harness.sent(CURVES)[ids.CURVES_LOSS]["figure"]) == [2.0, 1.0]
    harness.report(batch(3), batch(4), evaluation(1))
    sent = harness.sent(CURVES)
    for graph, first in ((ids.CURVES_LOSS, 2.0 / 3), (ids.CURVES_ACCURACY, 0.75)):
        patch = sent[graph]["figure"]
        assert isinstance(patch, Patch)
        extended = {
            tuple(step["location"][1:]): step["params"]["value"]
            for step in patch.to_plotly_json()["operations"]
        }
        assert extended[0, "x"] == [0.3, 0.4]
        assert extended[0, "y"][0] == pytest.approx(first)
        assert extended[3, "x"] == [1.0]


def test_points_that_came_out_of_sight_are_in_the_next_patch(harness: StreamHarness) -> None:
    harness.start()
    harness.report(batch(1))
    harness.stream.updates(CURVES)
    harness.report(batch(2))
    harness.stream.updates(TRAIN)
    harness.report(batch(3))
    patch = harness.sent(CURVES)[ids.CURVES_LOSS]["figure"]
    assert isinstance(patch, Patch)
    assert patch.to_plotly_json()["operations"][0]["params"]["value"] == [0.2, 0.3]


def test_a_patch_never_goes_to_a_figure_that_still_says_press_train(harness: StreamHarness) -> None:
    harness.stream.updates(CURVES)
    harness.start()
    harness.stream.updates(CURVES)
    harness.report(batch(1))
    figure = harness.sent(CURVES)[ids.CURVES_LOSS]["figure"]
    assert points(figure) == [2.0]
    assert len(figure.layout.annotations) == 0


@pytest.mark.parametrize(
    "style",
    [CurveStyle(smoothing=0.2), CurveStyle(log=True), CurveStyle(learning_rate=True)],
    ids=["smoothing", "scale", "learning rate"],
)
def test_a_control_of_the_curves_restyles_them_by_a_patch_which_keeps_a_zoom(
    harness: StreamHarness, style: CurveStyle
) -> None:
    harness.start()
    harness.report(batch(1), batch(2), batch(3))
    harness.stream.updates(CURVES)
    sent = harness.sent(replace(CURVES, style=style))
    series = Series(harness.service.latest_run(), [batch(1), batch(2), batch(3)])
    for graph, metric in curve_figures.CURVES:
        wanted = curve_figures.restyle_curve(series, metric, style, CURVES.style)
        assert isinstance(sent[graph]["figure"], Patch)
        assert to_json(sent[graph]["figure"]) == to_json(wanted)


def test_a_control_of_the_curves_leaves_the_small_curve_alone(harness: StreamHarness) -> None:
    harness.start()
    harness.report(batch(1))
    harness.stream.updates(TRAIN)
    assert harness.stream.updates(replace(TRAIN, style=CurveStyle(0.2, True, True))) == []


def test_a_new_run_begins_its_curves_anew(harness: StreamHarness) -> None:
    first = harness.start()
    harness.report(batch(1), batch(2), evaluation(1))
    harness.end()
    before = harness.sent(CURVES)
    second = harness.start()
    empty = harness.sent(CURVES)
    assert points(empty[ids.CURVES_LOSS]["figure"]) == []
    assert "after each epoch" in empty[ids.CURVES_TABLE]["children"].children
    harness.report(batch(1))
    sent = harness.sent(CURVES)
    assert points(sent[ids.CURVES_LOSS]["figure"]) == [2.0]
    assert first in before[ids.CURVES_CSV]["href"]
    assert second in empty[ids.CURVES_CSV]["href"]


def test_a_new_run_that_is_already_ahead_of_the_old_one_is_shown_from_its_beginning(
    harness: StreamHarness,
) -> None:
    harness.start()
    harness.report(batch(1))
    harness.end()
    harness.stream.updates(CURVES)
    harness.start()
    harness.report(batch(1), batch(2), batch(3))
    assert points(harness.sent(CURVES)[ids.CURVES_LOSS]["figure"]) == [2.0, 1.0, 2.0 / 3]


def test_a_page_that_opens_in_mid_run_gets_it_from_the_beginning(harness: StreamHarness) -> None:
    harness.start()
    harness.report(batch(1), batch(2))
    harness.stream.updates(CURVES)
    other = by_component(PageStream(harness.service).updates(CURVES))
    assert points(other[ids.CURVES_LOSS]["figure"]) == [2.0, 1.0]
    harness.report(batch(3))
    assert isinstance(harness.sent(CURVES)[ids.CURVES_LOSS]["figure"], Patch)


def test_the_table_is_sent_when_it_has_a_new_row_and_not_before(harness: StreamHarness) -> None:
    harness.start()
    assert ids.CURVES_TABLE in harness.sent(CURVES)
    harness.report(batch(1))
    assert ids.CURVES_TABLE not in harness.sent(CURVES)
    harness.report(evaluation(1))
    table = harness.sent(CURVES)[ids.CURVES_TABLE]["children"]
    expected = status.epoch_table([evaluation(1)])
    assert json.dumps(table, default=vars) == json.dumps(expected, default=vars)


def test_the_state_of_a_run_is_told_on_every_tab(harness: StreamHarness) -> None:
    harness.stream.updates(DRAW)
    harness.start()
    assert harness.sent(DRAW)[ids.STATUS_STATE]["children"] == RunState.RUNNING.value
    harness.end()
    ended = harness.sent(DRAW)
    assert ended[ids.STATUS_STATE]["children"] == RunState.STOPPED.value
    assert ended[ids.STOP_BUTTON] == {"disabled": True}
    assert ended[ids.PAUSE_BUTTON]["children"] == "Resume"


def test_new_weights_give_the_page_a_new_version(harness: StreamHarness) -> None:
    harness.stream.updates(DRAW)
    run_id = harness.start()
    assert run_id in harness.sent(DRAW)[ids.EPOCH_TOLD]["data"]["newest"]
    harness.report(batch(1))
    assert ids.EPOCH_TOLD not in harness.sent(DRAW)


def test_a_run_without_a_network_is_named_as_the_one_to_look_at(harness: StreamHarness) -> None:
    harness.start()
    waiting = harness.service.start(TrainConfig(model="mlp"))
    view = replace(DRAW, run=waiting)
    told = harness.sent(view)[ids.EPOCH_TOLD]["data"]
    assert told == {"newest": f"{waiting}/0/queued", "kept": []}
    harness.service.stop(waiting)
    told = harness.sent(view)[ids.EPOCH_TOLD]["data"]
    assert told == {"newest": f"{waiting}/0/stopped", "kept": []}


def test_a_page_that_nobody_sees_is_sent_nothing_and_catches_up_afterwards(
    harness: StreamHarness,
) -> None:
    harness.start()
    harness.report(batch(1))
    harness.stream.updates(CURVES)
    harness.report(batch(2), batch(3))
    assert harness.stream.updates(replace(CURVES, hidden=True)) == []
    sent = harness.sent(CURVES)
    assert sent[ids.STATUS_SPEED] == {"children": "1,003"}
    patch = sent[ids.CURVES_LOSS]["figure"]
    assert patch.to_plotly_json()["operations"][0]["params"]["value"] == [0.2, 0.3]


# A pair of runs


COMPARE = View("a page", ids.TAB_COMPARE)


def start_pair(harness: StreamHarness) -> None:
    harness.service.pairs.start(TrainConfig(epochs=2, precision="fp32"))
    harness.follow()


def test_a_pair_is_followed_by_lines_and_curve(harness: StreamHarness) -> None:
    empty = harness.sent(COMPARE)
    assert empty[ids.COMPARE_SENTENCE]["children"].startswith("Press Train both")
    assert empty[ids.COMPARE_BODY] == {"style": {"display": "none"}}
    assert empty[ids.COMPARE_VERSION] == {"data": None}

    start_pair(harness)
    harness.report(batch(1))
    begun = harness.sent(COMPARE)
    assert begun[ids.COMPARE_BODY] == {"style": {}}
    assert "SimpleCNN learns." in begun[ids.COMPARE_SENTENCE]["children"]
    assert "MLP waits for its turn." in begun[ids.COMPARE_SENTENCE]["children"]
    assert len(begun[ids.COMPARE_STATES]["children"].children) == 2
    assert not begun[ids.COMPARE_VERSION]["data"]["ended"]
    assert harness.stream.updates(COMPARE) == []

    harness.report(batch(2))
    assert harness.sent(COMPARE).keys() & {ids.COMPARE_STATES, ids.COMPARE_CURVE} == {
        ids.COMPARE_STATES
    }
    harness.report(evaluation(1))
    figure = harness.sent(COMPARE)[ids.COMPARE_CURVE]["figure"]
    assert points(figure, 0) == [0.75]
    assert points(figure, 1) == []


def test_a_page_that_comes_later_sees_all_of_a_pair(harness: StreamHarness) -> None:
    start_pair(harness)
    harness.report(evaluation(1), evaluation(2))
    other = by_component(PageStream(harness.service).updates(COMPARE))
    assert points(other[ids.COMPARE_CURVE]["figure"], 0) == [0.75, 0.75]


def test_nothing_of_a_pair_is_sent_to_another_tab(harness: StreamHarness) -> None:
    start_pair(harness)
    harness.report(evaluation(1))
    assert not [name for name in harness.sent(TRAIN) if name.startswith("compare")]


def test_the_chosen_pair_is_shown_and_the_newest_where_it_is_gone(harness: StreamHarness) -> None:
    service = harness.service
    start_pair(harness)
    first = service.pairs.all()[0].name
    service.pairs.start(TrainConfig(epochs=2, precision="fp32"))
    second = service.pairs.all()[0].name
    for chosen, shown in ((None, second), (first, first), ("gone", second)):
        sent = harness.sent(replace(COMPARE, pair=chosen))
        assert sent[ids.COMPARE_VERSION]["data"]["pair"] == shown
    assert sent.get(ids.COMPARE_CHOICE, {}) == {}  # it has been in sight since there were two


# What the page says that it looks at


def test_a_view_is_read_from_what_the_page_sends() -> None:
    data = {"page": "abc", "tab": "curves", "smoothing": 0.3, "log": True, "rate": False}
    assert View.parse(data) == View("abc", ids.TAB_CURVES, CurveStyle(0.3, True, False))
    assert View.parse(data | {"rate": True, "log": False}).style == CurveStyle(0.3, False, True)
    assert View.parse(data | {"hidden": True}).hidden
    assert View.parse(data | {"number": 3}).number == 3


def test_a_page_that_has_said_nothing_yet_looks_at_training() -> None:
    assert View.parse({"page": "abc"}).tab == ids.TAB_TRAIN


@pytest.mark.parametrize(
    ("said", "taken"), [(-1, 0.0), (0, 0.0), (None, 0.0), (0.98, 0.98), (1, 0.99), (1e300, 0.99)]
)
def test_smoothing_stays_where_it_means_something(said: float | None, taken: float) -> None:
    assert View.parse({"page": "abc", "smoothing": said}).style.smoothing == taken


def test_large_figures_and_many_pages_are_told_less_often() -> None:
    train, curves = View(page="a"), View(page="a", tab=ids.TAB_CURVES)
    assert pause(train, 1) == pause(train, 3) == PUSH_SECONDS
    assert pause(train, 6) == pause(curves, 1) == 2 * PUSH_SECONDS
