"""The Mistakes tab, on a real small run, beside what plain torch and numpy make of its weights."""

import re

import numpy as np
import pytest
import torch
from playwright.sync_api import Locator, expect
from safetensors.torch import load_file

from core import models, synthetic
from core.datasets import normalise
from tests.browser.conftest import TEST_IMAGES, Lab, Visit
from tests.browser.visitor import Visitor

pytestmark = pytest.mark.browser

MATRIX, MOSAIC, TABLE = "Confusion matrix", "Images that fit", "Each digit"
CAPTION = "#mistakes-caption"
PAGE = 40


@pytest.fixture(scope="module")
def images() -> tuple[torch.Tensor, np.ndarray]:
    """The test set of the small MNIST that the server has."""
    pictures, labels = synthetic.generate(TEST_IMAGES, 2)
    return normalise(torch.from_numpy(pictures)), labels


class Truth:
    """What plain torch and numpy say of a run after an epoch."""

    def __init__(
        self, lab: Lab, run_id: str, epoch: int, images: tuple[torch.Tensor, np.ndarray]
    ) -> None:
        pictures, self.labels = images
        weights = load_file(lab.runs / run_id / f"{epoch:04d}.safetensors")
        with torch.inference_mode():
            scores = models.load("mlp", weights)(pictures)
        self.probabilities = scores.softmax(1).numpy()
        self.said = self.probabilities.argmax(1)
        self.wrong = self.said != self.labels

    def cell(self, true: int, predicted: int) -> int:
        return int(((self.labels == true) & (self.said == predicted)).sum())

    @property
    def matrix(self) -> list[list[int]]:
        return [[self.cell(true, said) for said in range(10)] for true in range(10)]


def titles(visitor: Visitor) -> Locator:
    return visitor.region(MOSAIC).locator("text").filter(has_text="True:")


def matrix(visitor: Visitor) -> list[list[int]]:
    text = visitor.look(
        MATRIX, "gd.data?.[0]?.text ? Array.from(gd.data[0].text, (row) => Array.from(row)) : []"
    )
    return [[int(cell or 0) for cell in row] for row in text]


def shares(detail: Locator) -> list[float]:
    """The ten bars, in per cent."""
    bars = detail.get_by_role("listitem").all_inner_texts()
    return [float(text.split("\n")[-1].rstrip("%")) for text in bars]


def click_cell(visitor: Visitor, true: int, predicted: int) -> None:
    visitor.click_point(MATRIX, f"[{predicted}, {true}]")


def move_to(visitor: Visitor, epoch: int) -> None:
    slider = visitor.field("Network after epoch")
    slider.evaluate(
        """(slider, epoch) => {
            Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value")
                .set.call(slider, epoch);
            slider.dispatchEvent(new Event("input", {bubbles: true}));
            slider.dispatchEvent(new Event("change", {bubbles: true}));
        }""",
        epoch,
    )


def fit(visitor: Visitor, count: int) -> None:
    expect(visitor.page.locator(CAPTION)).to_contain_text(
        re.compile(rf"^{count} of {TEST_IMAGES} test images fit")
    )


def test_before_the_first_run_it_says_what_to_do(visit_untrained: Visit) -> None:
    visitor = visit_untrained()
    visitor.tab("Mistakes")
    for region in (MATRIX, MOSAIC):
        expect(visitor.region(region)).to_contain_text("Press Train first")


def test_matrix_and_table_are_those_of_the_network(
    visit: Visit, lab: Lab, images: tuple[torch.Tensor, np.ndarray]
) -> None:
    truth = Truth(lab, lab.train(), 3, images)
    visitor = visit()
    visitor.tab("Mistakes")
    fit(visitor, int(truth.wrong.sum()))
    assert matrix(visitor) == truth.matrix
    rows = visitor.region(TABLE).get_by_role("row").all_inner_texts()[1:]
    for digit, row in enumerate(rows):
        true, said = truth.labels == digit, truth.said == digit
        both = int((true & said).sum())
        precision = f"{both / said.sum():.1%}" if said.any() else "–"
        cells = [str(digit), str(true.sum()), precision, f"{both / true.sum():.1%}"]
        assert row.split()[:4] == cells
    assert len(rows) == 10


def test_a_click_on_a_cell_leaves_exactly_its_images(
    visit: Visit, lab: Lab, images: tuple[torch.Tensor, np.ndarray]
) -> None:
    truth = Truth(lab, lab.train(epochs=1, learning_rate=1e-4), 1, images)
    pairs = [(true, said) for true in range(10) for said in range(10)]
    mistake = max(pairs, key=lambda pair: (pair[0] != pair[1]) * truth.cell(*pair))
    right = max(pairs, key=lambda pair: (pair[0] == pair[1]) * truth.cell(*pair))
    visitor = visit()
    visitor.tab("Mistakes")
    fit(visitor, int(truth.wrong.sum()))
    for true, said in (mistake, right):
        click_cell(visitor, true, said)
        fit(visitor, truth.cell(true, said))
        expect(titles(visitor)).to_have_count(min(truth.cell(true, said), PAGE))
        for text in titles(visitor).all_text_contents():
            assert re.findall(r"\d", text) == [str(true), str(said)]
    visitor.button("All mistakes").click()
    fit(visitor, int(truth.wrong.sum()))


def test_images_come_in_the_order_that_is_asked_for(
    visit: Visit, lab: Lab, images: tuple[torch.Tensor, np.ndarray]
) -> None:
    truth = Truth(lab, lab.train(epochs=1), 1, images)
    wrong = np.flatnonzero(truth.wrong)
    best = np.sort(truth.probabilities[wrong], axis=1)
    keys = {
        "Most confidently wrong": -best[:, -1],
        "Least sure (margin)": best[:, -1] - best[:, -2],
        "As in the test set": wrong,
    }
    visitor = visit()
    visitor.tab("Mistakes")
    for order, key in keys.items():
        expected = wrong[np.argsort(key, kind="stable")][:PAGE]
        visitor.field("Order").select_option(label=order)
        texts = [f"True: {truth.labels[one]}✗ Pred: {truth.said[one]}" for one in expected]
        visitor.until(lambda texts=texts: titles(visitor).all_text_contents() == texts)


def test_courses_over_the_epochs_are_counted_and_filter(
    visit: Visit, lab: Lab, images: tuple[torch.Tensor, np.ndarray]
) -> None:
    run_id = lab.train(epochs=4)
    right = np.array([~Truth(lab, run_id, epoch, images).wrong for epoch in (1, 2, 3, 4)])
    lost = (right[:-1] & ~right[1:]).any(0)
    counts = {
        "always right": right.all(0),
        "learned": right[-1] & ~lost & ~right.all(0),
        "relearned": right[-1] & lost,
        "forgotten": ~right[-1] & right.any(0),
        "never learned": ~right.any(0),
    }
    visitor = visit()
    visitor.tab("Mistakes")
    for course, of_it in counts.items():
        visitor.field(f"{course} ({of_it.sum()})").check()
        fit(visitor, int(of_it.sum()))


def test_the_scrubber_changes_matrix_images_and_the_chosen_one(
    visit: Visit, lab: Lab, images: tuple[torch.Tensor, np.ndarray]
) -> None:
    run_id = lab.train()
    visitor = visit()
    visitor.tab("Mistakes")
    last = Truth(lab, run_id, 3, images)
    fit(visitor, int(last.wrong.sum()))
    titles(visitor).first.scroll_into_view_if_needed()
    visitor.click_point("Images that fit", "[gd.data[2].x[0], gd.data[2].y[0] + 14]")
    chosen = visitor.region("Chosen image that fits")
    expect(chosen.get_by_role("heading")).to_have_text(re.compile(r"^Test image \d+$"))
    index = int(re.findall(r"\d+", chosen.get_by_role("heading").inner_text())[0])
    for epoch in (0, 1, 3):
        truth = Truth(lab, run_id, epoch, images)
        move_to(visitor, epoch)
        fit(visitor, int(truth.wrong.sum()))
        visitor.until(lambda truth=truth: matrix(visitor) == truth.matrix)
        expect(titles(visitor)).to_have_count(min(int(truth.wrong.sum()), PAGE))
        expect(chosen).to_contain_text(f"Pred: {truth.said[index]}")
        expected = pytest.approx((100 * truth.probabilities[index]).tolist(), abs=0.2)
        visitor.until(lambda expected=expected: shares(chosen) == expected)


def test_pages_lead_through_all_images(visit: Visit, lab: Lab) -> None:
    lab.train()
    visitor = visit()
    visitor.tab("Mistakes")
    visitor.field("Only wrong ones").click()
    fit(visitor, TEST_IMAGES)
    visitor.page.locator("#mistakes-page").get_by_text("8", exact=True).click()
    expect(visitor.page.locator(CAPTION)).to_contain_text("page 8 of 8")
    expect(titles(visitor)).to_have_count(TEST_IMAGES - 7 * PAGE)
    visitor.field("True digit").select_option("3")
    expect(visitor.page.locator(CAPTION)).not_to_contain_text("page")


def test_it_follows_a_network_that_learns(visit: Visit, lab: Lab) -> None:
    visitor = visit()
    visitor.tab("Mistakes")
    run_id = lab.begin()
    caption = visitor.page.locator(CAPTION)
    expect(caption).to_contain_text(re.compile(r"after [1-9]"))
    first = caption.inner_text()
    expect(caption).not_to_have_text(first)
    lab.end(run_id)


def test_the_guide_opens_at_the_section(visit: Visit, lab: Lab) -> None:
    visitor = visit()
    visitor.tab("Mistakes")
    with visitor.page.expect_popup() as opened:
        visitor.page.get_by_role("link", name="More in the guide").filter(visible=True).click()
    expect(opened.value.get_by_role("heading", name="Mistakes", exact=True)).to_be_in_viewport()
