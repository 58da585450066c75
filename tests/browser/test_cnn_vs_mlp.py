"""CNN against MLP, on a real small pair, beside what plain torch makes of the weights on disk."""

from typing import Any

import numpy as np
import pytest
import torch
from playwright.sync_api import expect
from safetensors.torch import load_file

from core import models
from core.analysis.robustness import STRENGTHS, distort
from core.config import TrainConfig
from core.data import synthetic
from core.data.dataset import normalize
from core.records.comparisons import Distortion, Pair
from dashboard.formatting import percent
from tests.browser.app_server import SECONDS, TEST_IMAGES, AppServer
from tests.browser.dashboard_page import DashboardPage

pytestmark = pytest.mark.browser

SHIFTED = "Shifted, by pixels"
ACCURACY, NETWORKS = "Accuracy of both", "Both networks"
HEADINGS: dict[Distortion, str] = {
    "shift": SHIFTED,
    "rotation": "Turned, by degrees",
    "noise": "Noisy",
}
SMALL_CNN = "SpeedrunCNN"
EPOCHS = 2


class Truth:
    """What plain torch computes with a run's network at its end."""

    def __init__(self, server: AppServer, run: dict[str, Any]) -> None:
        self.images, self.labels = synthetic.generate(TEST_IMAGES, 2)
        weights = load_file(server.runs / run["run_id"] / f"{EPOCHS:04d}.safetensors")
        self._network = models.load(run["config"]["model"], weights)
        self.parameters = sum(values.numel() for values in weights.values())

    def count_right(self, images: np.ndarray) -> int:
        with torch.inference_mode():
            predicted = self._network(normalize(torch.from_numpy(images))).argmax(1).numpy()
        return int((predicted == self.labels).sum())

    def curve(self, distortion: Distortion) -> list[float]:
        shown = (distort(self.images, distortion, by, 0) for by in STRENGTHS[distortion])
        return [100 * self.count_right(images) / TEST_IMAGES for images in shown]


def press_train_both(dashboard: DashboardPage, cnn: str = SMALL_CNN, epochs: int = EPOCHS) -> None:
    """Sets the Train tab's form and starts a pair with one click."""
    dashboard.open_tab("Train")
    dashboard.fill_form(preset="Notebook", epochs=str(epochs), batch_size="50")
    dashboard.open_tab("Experiments")
    dashboard.field("MLP against").select_option(label=cnn)
    dashboard.button("Train both").click()


def train_both(dashboard: DashboardPage, server: AppServer, cnn: str) -> list[dict[str, Any]]:
    """Starts a pair on the page; its runs in the order in which they started."""
    before = {run["run_id"] for run in server.all_runs()}
    press_train_both(dashboard, cnn)

    def started() -> list[dict[str, Any]]:
        return [run for run in reversed(server.all_runs()) if run["run_id"] not in before]

    dashboard.until(lambda: len(started()) == 2)
    runs = started()
    assert runs[0]["pair"]
    assert runs[0]["pair"] == runs[1]["pair"]
    return runs


def train_pair(server: AppServer, seed: int) -> Pair:
    """A pair that is done, the newest."""
    config = TrainConfig(
        model="speedrun_cnn",
        epochs=1,
        batch_size=50,
        train_images=200,
        seed=seed,
        precision="fp32",
    )
    server.service.runs.start_pair(config)
    pair = server.service.comparisons.all()[0]
    for run in pair.runs:
        server.wait_for_end(run.run_id)
    return pair


def measured(server: AppServer, pair: Pair) -> list[list[float]]:
    """The accuracies on shifted images that the service measures, of both networks."""
    found = [server.service.comparisons.robustness(run.run_id).result(SECONDS) for run in pair.runs]
    return [list(one.curves[0].accuracies) for one in found]


def curve(dashboard: DashboardPage, region: str, trace: int) -> list[float]:
    found = dashboard.figure_value(region, f"Array.from(gd.data?.[{trace}]?.y ?? [])")
    return [float(value) for value in found]


def cells(dashboard: DashboardPage, title: str) -> list[str]:
    row = (
        dashboard.region(NETWORKS)
        .get_by_role("row")
        .filter(has=dashboard.page.get_by_role("rowheader", name=title, exact=True))
    )
    return row.get_by_role("cell").all_inner_texts()


def test_one_click_trains_both_which_are_followed_and_shows_what_plain_torch_computes(
    dashboard: DashboardPage, server: AppServer
) -> None:
    held = dashboard.hold_back("pair-distorted")
    runs = train_both(dashboard, server, SMALL_CNN)
    dashboard.until(lambda: held)
    for run in runs:
        server.wait_for_end(run["run_id"])
    expect(dashboard.caption("Experiments")).to_contain_text("Both are done")
    dashboard.stop_holding()  # images were still distorted for another pair, or for none
    expect(dashboard.region("Noisy")).to_be_visible()
    assert [run["config"]["model"] for run in runs] == ["speedrun_cnn", "mlp"]
    truths = [Truth(server, run) for run in runs]

    for trace, run in enumerate(runs):
        accuracies = [event["test_accuracy"] for event in server.events(run["run_id"], "epoch")]
        assert len(accuracies) == EPOCHS
        expected = pytest.approx([100 * accuracy for accuracy in accuracies])
        dashboard.until(
            lambda trace=trace, wanted=expected: curve(dashboard, ACCURACY, trace) == wanted
        )

    wrong = [TEST_IMAGES - truth.count_right(truth.images) for truth in truths]
    counts = [f"{count:,}" for count in wrong]
    dashboard.until(lambda: cells(dashboard, f"Misread of {TEST_IMAGES}") == counts)
    assert cells(dashboard, "Weights") == [f"{truth.parameters:,}" for truth in truths]
    shares = [1 - count / TEST_IMAGES for count in wrong]
    assert cells(dashboard, "Test accuracy") == [percent(share) for share in shares]
    assert cells(dashboard, "Accuracy per 100,000 weights") == [
        f"{1e7 * share / truth.parameters:.2f} points"
        for share, truth in zip(shares, truths, strict=True)
    ]

    for distortion, heading in HEADINGS.items():
        for trace, truth in enumerate(truths):
            expected = pytest.approx(truth.curve(distortion))
            dashboard.until(
                lambda at=(heading, trace), wanted=expected: curve(dashboard, *at) == wanted
            )
        low, high = dashboard.figure_value(heading, "gd.layout.yaxis.range")
        assert low == 0
        assert 100 <= high < 110
        shown = dashboard.region(f"{heading} example").get_by_role("img")
        expect(shown).to_have_count(len(STRENGTHS[distortion][::2]))
    expect(dashboard.text(f"{TEST_IMAGES} test images, the same ones")).to_be_visible()


def test_an_earlier_pair_can_be_chosen_and_a_deleted_run_is_missed(
    dashboard: DashboardPage, server: AppServer
) -> None:
    earlier, later = train_pair(server, seed=1), train_pair(server, seed=2)
    wanted = {pair.name: measured(server, pair) for pair in (earlier, later)}
    for trace in (0, 1):
        assert wanted[earlier.name][trace] != wanted[later.name][trace]

    dashboard.open_tab("Experiments")
    picker = dashboard.field("Pair")
    for pair, value in ((later, "newest"), (earlier, earlier.name)):
        picker.select_option(value=value)
        for run in pair.runs:
            expect(dashboard.region(NETWORKS)).to_contain_text(f"Run {run.number}")
        for trace, accuracies in enumerate(wanted[pair.name]):
            expected = pytest.approx([100 * accuracy for accuracy in accuracies])
            dashboard.until(
                lambda trace=trace, wanted=expected: curve(dashboard, SHIFTED, trace) == wanted
            )
        shares = [percent(accuracies[0]) for accuracies in wanted[pair.name]]
        dashboard.until(lambda shares=shares: cells(dashboard, "Test accuracy") == shares)

    server.service.runs.delete(earlier.runs[0].run_id)
    expect(dashboard.caption("Experiments")).to_contain_text("was deleted")
    names = "gd.data?.map(one => one.name)"
    dashboard.until(lambda: dashboard.figure_value(SHIFTED, names) == ["MLP"])
    server.service.runs.delete(earlier.runs[1].run_id)
    expect(picker).to_have_value("newest")


def test_runs_that_were_stopped_too_early_get_a_sentence(
    dashboard: DashboardPage, server: AppServer
) -> None:
    server.start_endless_run()
    runs = train_both(dashboard, server, "SimpleCNN")
    sentence = dashboard.caption("Experiments")
    expect(sentence).to_contain_text("SimpleCNN waits for its turn. MLP waits for its turn.")
    for run in runs:
        server.stop_run(run["run_id"])
    expect(sentence).to_contain_text(f"MLP was stopped after 0 of {EPOCHS} epochs")
    expect(dashboard.text("Neither network has learned for an epoch.")).to_be_visible()
    expect(dashboard.region("Noisy")).to_be_hidden()


def test_a_wrong_setting_is_named_and_nothing_starts(
    dashboard: DashboardPage, server: AppServer
) -> None:
    before = len(server.all_runs())
    press_train_both(dashboard, epochs=0)
    expect(dashboard.text("On the Train tab: Please correct: Epochs.")).to_be_visible()
    assert len(server.all_runs()) == before
