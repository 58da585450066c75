"""CNN against MLP, on a real small pair, beside what plain torch makes of the weights on disk."""

import re
from typing import Any

import numpy as np
import pytest
import torch
from playwright.sync_api import expect
from safetensors.torch import load_file

from core import models, synthetic
from core.datasets import normalise
from core.records import Distortion
from core.robustness import STRENGTHS, distort
from tests.browser.app_server import AppServer
from tests.browser.dashboard_page import DashboardPage

pytestmark = pytest.mark.browser

ACCURACY, NETWORKS = "Accuracy of both", "Both networks"
HEADINGS: dict[Distortion, str] = {"shift": "Shifted", "rotation": "Turned", "noise": "Noisy"}
SENTENCE = "#compare-sentence"
EPOCHS = 2


class Truth:
    """What plain torch says of a run's network at its end."""

    def __init__(self, server: AppServer, run: dict[str, Any]) -> None:
        self.images, self.labels = synthetic.generate(TEST_IMAGES, 2)
        weights = load_file(server.runs / run["run_id"] / f"{EPOCHS:04d}.safetensors")
        self._network = models.load(run["config"]["model"], weights)
        self.parameters = sum(values.numel() for values in weights.values())

    def right(self, images: np.ndarray) -> int:
        with torch.inference_mode():
            said = self._network(normalise(torch.from_numpy(images))).argmax(1).numpy()
        return int((said == self.labels).sum())

    def curve(self, distortion: Distortion) -> list[float]:
        shown = (distort(self.images, distortion, by, 0) for by in STRENGTHS[distortion])
        return [self.right(images) / TEST_IMAGES for images in shown]


def compare(dashboard: DashboardPage) -> DashboardPage:
    dashboard.open_tab("CNN vs MLP")
    return dashboard


def press_train_both(dashboard: DashboardPage, **settings: str) -> None:
    """As a dashboard would: settings on the Train tab, then one click."""
    dashboard.open_tab("Train")
    dashboard.field("Preset").select_option(label="Notebook")
    dashboard.fill_form(**{"epochs": str(EPOCHS), "batch_size": "50", **settings})
    compare(dashboard)
    dashboard.button("Train both").click()


def train_both(dashboard: DashboardPage, server: AppServer) -> list[dict[str, Any]]:
    """The runs that have been started, in that order."""
    before = newest_pair(server)
    press_train_both(dashboard)
    dashboard.until(lambda: newest_pair(server) != before)
    return runs_of(newest_pair(server), server)


def newest_pair(server: AppServer) -> str | None:
    """The name of the newest pair, once both of its runs are there."""
    pairs = [run["pair"] for run in server.get("/api/runs")["runs"] if run["pair"]]
    return next((pair for pair in pairs if pairs.count(pair) == 2), None)


def runs_of(pair: str | None, server: AppServer) -> list[dict[str, Any]]:
    """A pair's runs in the order in which they were started."""
    return [run for run in reversed(server.get("/api/runs")["runs"]) if run["pair"] == pair]


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


def heads(dashboard: DashboardPage) -> list[str]:
    return dashboard.region(NETWORKS).get_by_role("columnheader").all_inner_texts()


def test_before_the_first_pair_it_says_what_to_do(visit_untrained: Visit) -> None:
    dashboard = compare(visit_untrained())
    expect(dashboard.page.locator(SENTENCE)).to_contain_text("Press Train both")
    expect(dashboard.button("Train both")).to_be_visible()
    expect(dashboard.region(ACCURACY)).to_be_hidden()
    assert "tab=compare" in dashboard.page.url


def test_one_click_trains_both_and_shows_what_plain_torch_computes(
    dashboard: DashboardPage, server: AppServer
) -> None:
    dashboard = visit()
    runs = train_both(dashboard, server)
    for run in runs:
        server.wait_for_end(run["run_id"])
    expect(dashboard.page.locator(SENTENCE)).to_contain_text("Both are done")
    assert [run["config"]["model"] for run in runs] == ["simple_cnn", "mlp"]
    truths = [Truth(server, run) for run in runs]

    for trace, run in enumerate(runs):
        events = server.get(f"/api/runs/{run['run_id']}/events")["events"]
        told = [event["test_accuracy"] for event in events if event["kind"] == "epoch"]
        dashboard.until(lambda trace=trace, told=told: curve(dashboard, ACCURACY, trace) == told)

    wrong = [TEST_IMAGES - truth.right(truth.images) for truth in truths]
    counts = [f"{count:,}" for count in wrong]
    dashboard.until(lambda: cells(dashboard, f"Mistakes of {TEST_IMAGES}") == counts)
    assert cells(dashboard, "Parameters") == [f"{truth.parameters:,}" for truth in truths]
    shares = [1 - count / TEST_IMAGES for count in wrong]
    assert cells(dashboard, "Test accuracy") == [f"{share:.2%}" for share in shares]
    assert cells(dashboard, "Accuracy per 100,000 parameters") == [
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
        assert 1 <= high < 1.1
        shown = dashboard.region(f"{heading} example").locator("text").all_text_contents()
        assert len(shown) == len(STRENGTHS[distortion][::2])
    expect(dashboard.page.get_by_text(f"{TEST_IMAGES} test images, the same ones")).to_be_visible()


def test_an_earlier_pair_can_be_chosen_and_a_deleted_run_is_missed(
    dashboard: DashboardPage, server: AppServer
) -> None:
    dashboard = visit()
    earlier = train_both(dashboard, server)
    dashboard.field("MLP against").select_option(label="SpeedrunCNN (small and quick)")
    dashboard.button("Train both").click()
    dashboard.until(lambda: newest_pair(server) != earlier[0]["pair"])
    for run in earlier + runs_of(newest_pair(server), server):
        server.wait_for_end(run["run_id"])
    dashboard.until(lambda: "SpeedrunCNN" in " ".join(heads(dashboard)))
    dashboard.until(
        lambda: dashboard.figure_value("Shifted", "gd.data?.[0]?.name") == "SpeedrunCNN"
    )

    dashboard.field("Pair").select_option(value=earlier[0]["pair"])
    dashboard.until(lambda: "SimpleCNN" in " ".join(heads(dashboard)))
    dashboard.until(lambda: dashboard.figure_value("Shifted", "gd.data?.[0]?.name") == "SimpleCNN")
    states = dashboard.region(NETWORKS)
    for run in earlier:
        expect(states).to_contain_text(f"Run {run['number']}")

    dashboard.page.request.delete(f"{server.url}/api/runs/{earlier[0]['run_id']}")
    expect(dashboard.page.locator(SENTENCE)).to_contain_text("was deleted")
    dashboard.until(
        lambda: dashboard.figure_value("Shifted", "gd.data?.map(one => one.name)") == ["MLP"]
    )


def test_runs_that_were_stopped_too_early_get_a_sentence(
    dashboard: DashboardPage, server: AppServer
) -> None:
    busy = server.start_endless_run()
    dashboard = visit()
    runs = train_both(dashboard, server)
    sentence = dashboard.page.locator(SENTENCE)
    expect(sentence).to_contain_text("SimpleCNN waits for its turn. MLP waits for its turn.")
    for run in runs:
        server.stop_run(run["run_id"])
    expect(sentence).to_contain_text("MLP was stopped after 0 of 2 epochs")
    expect(dashboard.page.get_by_text("Neither network has learnt for an epoch.")).to_be_visible()
    expect(dashboard.region("Noisy")).to_be_hidden()
    server.stop_run(busy)


def test_a_wrong_setting_is_named_and_nothing_starts(
    dashboard: DashboardPage, server: AppServer
) -> None:
    before = len(server.get("/api/runs")["runs"])
    dashboard = visit()
    press_train_both(dashboard, epochs="0")
    expect(dashboard.page.get_by_text("On the Train tab: Please correct: Epochs.")).to_be_visible()
    assert len(server.get("/api/runs")["runs"]) == before


def test_the_guide_opens_at_the_section(dashboard: DashboardPage, server: AppServer) -> None:
    dashboard = compare(visit())
    with dashboard.page.expect_popup() as opened:
        dashboard.page.get_by_role("link", name="More in the guide").filter(visible=True).click()
    heading = opened.value.get_by_role("heading", name=re.compile("^CNN against MLP$"))
    expect(heading).to_be_in_viewport()
