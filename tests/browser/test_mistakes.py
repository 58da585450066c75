"""The Mistakes tab, on a real small run, beside what plain torch and numpy make of its weights."""

import re

import numpy as np
import pytest
import torch
from playwright.sync_api import Locator, expect
from safetensors.torch import load_file

from core import models, synthetic
from core.datasets import normalise
from tests.browser.app_server import AppServer
from tests.browser.dashboard_page import DashboardPage

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
        self, server: AppServer, run_id: str, epoch: int, images: tuple[torch.Tensor, np.ndarray]
    ) -> None:
        pictures, self.labels = images
        weights = load_file(server.runs / run_id / f"{epoch:04d}.safetensors")
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


def titles(dashboard: DashboardPage) -> Locator:
    return dashboard.region(MOSAIC).locator("text").filter(has_text="True:")


def matrix(dashboard: DashboardPage) -> list[list[int]]:
    text = dashboard.figure_value(
        MATRIX, "gd.data?.[0]?.text ? Array.from(gd.data[0].text, (row) => Array.from(row)) : []"
    )
    return [[int(cell or 0) for cell in row] for row in text]


def shares(detail: Locator) -> list[float]:
    """The ten bars, in per cent."""
    bars = detail.get_by_role("listitem").all_inner_texts()
    return [float(text.split("\n")[-1].rstrip("%")) for text in bars]


def click_cell(dashboard: DashboardPage, true: int, predicted: int) -> None:
    dashboard.click_point(MATRIX, f"[{predicted}, {true}]")


def move_to(dashboard: DashboardPage, epoch: int) -> None:
    slider = dashboard.epoch_slider
    slider.evaluate(
        """(slider, epoch) => {
            Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value")
                .set.call(slider, epoch);
            slider.dispatchEvent(new Event("input", {bubbles: true}));
            slider.dispatchEvent(new Event("change", {bubbles: true}));
        }""",
        epoch,
    )


def fit(dashboard: DashboardPage, count: int) -> None:
    expect(dashboard.page.locator(CAPTION)).to_contain_text(
        re.compile(rf"^{count} of {TEST_IMAGES} test images fit")
    )


def test_before_the_first_run_it_says_what_to_do(visit_untrained: Visit) -> None:
    dashboard = visit_untrained()
    dashboard.open_tab("Mistakes")
    for region in (MATRIX, MOSAIC):
        expect(dashboard.region(region)).to_contain_text("Press Train first")


def test_matrix_and_table_are_those_of_the_network(
    dashboard: DashboardPage, server: AppServer, images: tuple[torch.Tensor, np.ndarray]
) -> None:
    truth = Truth(server, server.train(), 3, images)
    dashboard = visit()
    dashboard.open_tab("Mistakes")
    fit(dashboard, int(truth.wrong.sum()))
    assert matrix(dashboard) == truth.matrix
    rows = dashboard.region(TABLE).get_by_role("row").all_inner_texts()[1:]
    for digit, row in enumerate(rows):
        true, said = truth.labels == digit, truth.said == digit
        both = int((true & said).sum())
        precision = f"{both / said.sum():.1%}" if said.any() else "–"
        cells = [str(digit), str(true.sum()), precision, f"{both / true.sum():.1%}"]
        assert row.split()[:4] == cells
    assert len(rows) == 10


def test_a_click_on_a_cell_leaves_exactly_its_images(
    dashboard: DashboardPage, server: AppServer, images: tuple[torch.Tensor, np.ndarray]
) -> None:
    truth = Truth(server, server.train(epochs=1, learning_rate=1e-4), 1, images)
    pairs = [(true, said) for true in range(10) for said in range(10)]
    mistake = max(pairs, key=lambda pair: (pair[0] != pair[1]) * truth.cell(*pair))
    right = max(pairs, key=lambda pair: (pair[0] == pair[1]) * truth.cell(*pair))
    dashboard = visit()
    dashboard.open_tab("Mistakes")
    fit(dashboard, int(truth.wrong.sum()))
    for true, said in (mistake, right):
        click_cell(dashboard, true, said)
        fit(dashboard, truth.cell(true, said))
        expect(titles(dashboard)).to_have_count(min(truth.cell(true, said), PAGE))
        for text in titles(dashboard).all_text_contents():
            assert re.findall(r"\d", text) == [str(true), str(said)]
    dashboard.button("All mistakes").click()
    fit(dashboard, int(truth.wrong.sum()))


def test_images_come_in_the_order_that_is_asked_for(
    dashboard: DashboardPage, server: AppServer, images: tuple[torch.Tensor, np.ndarray]
) -> None:
    truth = Truth(server, server.train(epochs=1), 1, images)
    wrong = np.flatnonzero(truth.wrong)
    best = np.sort(truth.probabilities[wrong], axis=1)
    keys = {
        "Most confidently wrong": -best[:, -1],
        "Least sure (margin)": best[:, -1] - best[:, -2],
        "As in the test set": wrong,
    }
    dashboard = visit()
    dashboard.open_tab("Mistakes")
    for order, key in keys.items():
        expected = wrong[np.argsort(key, kind="stable")][:PAGE]
        dashboard.field("Order").select_option(label=order)
        texts = [f"True: {truth.labels[one]}✗ Pred: {truth.said[one]}" for one in expected]
        dashboard.until(lambda texts=texts: titles(dashboard).all_text_contents() == texts)


def test_courses_over_the_epochs_are_counted_and_filter(
    dashboard: DashboardPage, server: AppServer, images: tuple[torch.Tensor, np.ndarray]
) -> None:
    run_id = server.train(epochs=4)
    right = np.array([~Truth(server, run_id, epoch, images).wrong for epoch in (1, 2, 3, 4)])
    lost = (right[:-1] & ~right[1:]).any(0)
    counts = {
        "always right": right.all(0),
        "learned": right[-1] & ~lost & ~right.all(0),
        "relearned": right[-1] & lost,
        "forgotten": ~right[-1] & right.any(0),
        "never learned": ~right.any(0),
    }
    dashboard = visit()
    dashboard.open_tab("Mistakes")
    for course, of_it in counts.items():
        dashboard.field(f"{course} ({of_it.sum()})").check()
        fit(dashboard, int(of_it.sum()))


def test_the_scrubber_changes_matrix_images_and_the_chosen_one(
    dashboard: DashboardPage, server: AppServer, images: tuple[torch.Tensor, np.ndarray]
) -> None:
    run_id = server.train()
    dashboard = visit()
    dashboard.open_tab("Mistakes")
    last = Truth(server, run_id, 3, images)
    fit(dashboard, int(last.wrong.sum()))
    titles(dashboard).first.scroll_into_view_if_needed()
    dashboard.click_point("Images that fit", "[gd.data[2].x[0], gd.data[2].y[0] + 14]")
    chosen = dashboard.region("Chosen image that fits")
    expect(chosen.get_by_role("heading")).to_have_text(re.compile(r"^Test image \d+$"))
    index = int(re.findall(r"\d+", chosen.get_by_role("heading").inner_text())[0])
    for epoch in (0, 1, 3):
        truth = Truth(server, run_id, epoch, images)
        move_to(dashboard, epoch)
        fit(dashboard, int(truth.wrong.sum()))
        dashboard.until(lambda truth=truth: matrix(dashboard) == truth.matrix)
        expect(titles(dashboard)).to_have_count(min(int(truth.wrong.sum()), PAGE))
        expect(chosen).to_contain_text(f"Pred: {truth.said[index]}")
        expected = pytest.approx((100 * truth.probabilities[index]).tolist(), abs=0.2)
        dashboard.until(lambda expected=expected: shares(chosen) == expected)


def test_pages_lead_through_all_images(dashboard: DashboardPage, server: AppServer) -> None:
    server.train()
    dashboard = visit()
    dashboard.open_tab("Mistakes")
    dashboard.field("Only wrong ones").click()
    fit(dashboard, TEST_IMAGES)
    dashboard.page.locator("#mistakes-page").get_by_text("8", exact=True).click()
    expect(dashboard.page.locator(CAPTION)).to_contain_text("page 8 of 8")
    expect(titles(dashboard)).to_have_count(TEST_IMAGES - 7 * PAGE)
    dashboard.field("True digit").select_option("3")
    expect(dashboard.page.locator(CAPTION)).not_to_contain_text("page")


def test_it_follows_a_network_that_learns(dashboard: DashboardPage, server: AppServer) -> None:
    dashboard = visit()
    dashboard.open_tab("Mistakes")
    run_id = server.start_endless_run()
    caption = dashboard.page.locator(CAPTION)
    expect(caption).to_contain_text(re.compile(r"after [1-9]"))
    first = caption.inner_text()
    expect(caption).not_to_have_text(first)
    server.stop_run(run_id)


def test_the_guide_opens_at_the_section(dashboard: DashboardPage, server: AppServer) -> None:
    dashboard = visit()
    dashboard.open_tab("Mistakes")
    with dashboard.page.expect_popup() as opened:
        dashboard.page.get_by_role("link", name="More in the guide").filter(visible=True).click()
    expect(opened.value.get_by_role("heading", name="Mistakes", exact=True)).to_be_in_viewport()
