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
from tests.browser.conftest import TEST_IMAGES, Lab, Visit
from tests.browser.visitor import Visitor

pytestmark = pytest.mark.browser

ACCURACY, NETWORKS = "Accuracy of both", "Both networks"
HEADINGS: dict[Distortion, str] = {"shift": "Shifted", "rotation": "Turned", "noise": "Noisy"}
SENTENCE = "#compare-sentence"
EPOCHS = 2


class Truth:
    """What plain torch says of a run's network at its end."""

    def __init__(self, lab: Lab, run: dict[str, Any]) -> None:
        self.images, self.labels = synthetic.generate(TEST_IMAGES, 2)
        weights = load_file(lab.runs / run["run_id"] / f"{EPOCHS:04d}.safetensors")
        self._network = models.load(run["config"]["model"], weights)
        self.parameters = sum(values.numel() for values in weights.values())

    def right(self, images: np.ndarray) -> int:
        with torch.inference_mode():
            said = self._network(normalise(torch.from_numpy(images))).argmax(1).numpy()
        return int((said == self.labels).sum())

    def curve(self, distortion: Distortion) -> list[float]:
        shown = (distort(self.images, distortion, by, 0) for by in STRENGTHS[distortion])
        return [self.right(images) / TEST_IMAGES for images in shown]


def compare(visitor: Visitor) -> Visitor:
    visitor.tab("CNN vs MLP")
    return visitor


def press_train_both(visitor: Visitor, **settings: str) -> None:
    """As a visitor would: settings on the Train tab, then one click."""
    visitor.tab("Train")
    visitor.field("Preset").select_option(label="Notebook")
    visitor.choose(**{"epochs": str(EPOCHS), "batch_size": "50", **settings})
    compare(visitor)
    visitor.button("Train both").click()


def train_both(visitor: Visitor, lab: Lab) -> list[dict[str, Any]]:
    """The runs that have been started, in that order."""
    before = newest_pair(lab)
    press_train_both(visitor)
    visitor.until(lambda: newest_pair(lab) != before)
    return runs_of(newest_pair(lab), lab)


def newest_pair(lab: Lab) -> str | None:
    """The name of the newest pair, once both of its runs are there."""
    pairs = [run["pair"] for run in lab.get("/api/runs")["runs"] if run["pair"]]
    return next((pair for pair in pairs if pairs.count(pair) == 2), None)


def runs_of(pair: str | None, lab: Lab) -> list[dict[str, Any]]:
    """A pair's runs in the order in which they were started."""
    return [run for run in reversed(lab.get("/api/runs")["runs"]) if run["pair"] == pair]


def curve(visitor: Visitor, region: str, trace: int) -> list[float]:
    found = visitor.look(region, f"Array.from(gd.data?.[{trace}]?.y ?? [])")
    return [float(value) for value in found]


def cells(visitor: Visitor, title: str) -> list[str]:
    row = (
        visitor.region(NETWORKS)
        .get_by_role("row")
        .filter(has=visitor.page.get_by_role("rowheader", name=title, exact=True))
    )
    return row.get_by_role("cell").all_inner_texts()


def heads(visitor: Visitor) -> list[str]:
    return visitor.region(NETWORKS).get_by_role("columnheader").all_inner_texts()


def test_before_the_first_pair_it_says_what_to_do(visit_untrained: Visit) -> None:
    visitor = compare(visit_untrained())
    expect(visitor.page.locator(SENTENCE)).to_contain_text("Press Train both")
    expect(visitor.button("Train both")).to_be_visible()
    expect(visitor.region(ACCURACY)).to_be_hidden()
    assert "tab=compare" in visitor.page.url


def test_one_click_trains_both_and_shows_what_plain_torch_computes(visit: Visit, lab: Lab) -> None:
    visitor = visit()
    runs = train_both(visitor, lab)
    for run in runs:
        lab.wait_for_end(run["run_id"])
    expect(visitor.page.locator(SENTENCE)).to_contain_text("Both are done")
    assert [run["config"]["model"] for run in runs] == ["simple_cnn", "mlp"]
    truths = [Truth(lab, run) for run in runs]

    for trace, run in enumerate(runs):
        events = lab.get(f"/api/runs/{run['run_id']}/events")["events"]
        told = [event["test_accuracy"] for event in events if event["kind"] == "epoch"]
        visitor.until(lambda trace=trace, told=told: curve(visitor, ACCURACY, trace) == told)

    wrong = [TEST_IMAGES - truth.right(truth.images) for truth in truths]
    counts = [f"{count:,}" for count in wrong]
    visitor.until(lambda: cells(visitor, f"Mistakes of {TEST_IMAGES}") == counts)
    assert cells(visitor, "Parameters") == [f"{truth.parameters:,}" for truth in truths]
    shares = [1 - count / TEST_IMAGES for count in wrong]
    assert cells(visitor, "Test accuracy") == [f"{share:.2%}" for share in shares]
    assert cells(visitor, "Accuracy per 100,000 parameters") == [
        f"{1e7 * share / truth.parameters:.2f} points"
        for share, truth in zip(shares, truths, strict=True)
    ]

    for distortion, heading in HEADINGS.items():
        for trace, truth in enumerate(truths):
            expected = pytest.approx(truth.curve(distortion))
            visitor.until(
                lambda at=(heading, trace), wanted=expected: curve(visitor, *at) == wanted
            )
        low, high = visitor.look(heading, "gd.layout.yaxis.range")
        assert low == 0
        assert 1 <= high < 1.1
        shown = visitor.region(f"{heading} example").locator("text").all_text_contents()
        assert len(shown) == len(STRENGTHS[distortion][::2])
    expect(visitor.page.get_by_text(f"{TEST_IMAGES} test images, the same ones")).to_be_visible()


def test_an_earlier_pair_can_be_chosen_and_a_deleted_run_is_missed(visit: Visit, lab: Lab) -> None:
    visitor = visit()
    earlier = train_both(visitor, lab)
    visitor.field("MLP against").select_option(label="SpeedrunCNN (small and quick)")
    visitor.button("Train both").click()
    visitor.until(lambda: newest_pair(lab) != earlier[0]["pair"])
    for run in earlier + runs_of(newest_pair(lab), lab):
        lab.wait_for_end(run["run_id"])
    visitor.until(lambda: "SpeedrunCNN" in " ".join(heads(visitor)))
    visitor.until(lambda: visitor.look("Shifted", "gd.data?.[0]?.name") == "SpeedrunCNN")

    visitor.field("Pair").select_option(value=earlier[0]["pair"])
    visitor.until(lambda: "SimpleCNN" in " ".join(heads(visitor)))
    visitor.until(lambda: visitor.look("Shifted", "gd.data?.[0]?.name") == "SimpleCNN")
    states = visitor.region(NETWORKS)
    for run in earlier:
        expect(states).to_contain_text(f"Run {run['number']}")

    visitor.page.request.delete(f"{lab.url}/api/runs/{earlier[0]['run_id']}")
    expect(visitor.page.locator(SENTENCE)).to_contain_text("was deleted")
    visitor.until(lambda: visitor.look("Shifted", "gd.data?.map(one => one.name)") == ["MLP"])


def test_runs_that_were_stopped_too_early_get_a_sentence(visit: Visit, lab: Lab) -> None:
    busy = lab.begin()
    visitor = visit()
    runs = train_both(visitor, lab)
    sentence = visitor.page.locator(SENTENCE)
    expect(sentence).to_contain_text("SimpleCNN waits for its turn. MLP waits for its turn.")
    for run in runs:
        lab.end(run["run_id"])
    expect(sentence).to_contain_text("MLP was stopped after 0 of 2 epochs")
    expect(visitor.page.get_by_text("Neither network has learnt for an epoch.")).to_be_visible()
    expect(visitor.region("Noisy")).to_be_hidden()
    lab.end(busy)


def test_a_wrong_setting_is_named_and_nothing_starts(visit: Visit, lab: Lab) -> None:
    before = len(lab.get("/api/runs")["runs"])
    visitor = visit()
    press_train_both(visitor, epochs="0")
    expect(visitor.page.get_by_text("On the Train tab: Please correct: Epochs.")).to_be_visible()
    assert len(lab.get("/api/runs")["runs"]) == before


def test_the_guide_opens_at_the_section(visit: Visit, lab: Lab) -> None:
    visitor = compare(visit())
    with visitor.page.expect_popup() as opened:
        visitor.page.get_by_role("link", name="More in the guide").filter(visible=True).click()
    heading = opened.value.get_by_role("heading", name=re.compile("^CNN against MLP$"))
    expect(heading).to_be_in_viewport()
