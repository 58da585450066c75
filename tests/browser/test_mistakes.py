"""The Mistakes tab on a real small run: it shows what plain torch and numpy make of the weights."""

import re

import numpy as np
import pytest
import torch
from playwright.sync_api import Locator, expect
from safetensors.torch import load_file

from core import models
from core.data import synthetic
from core.data.dataset import normalize
from dashboard.formatting import percent
from tests.browser.app_server import TEST_IMAGES, AppServer
from tests.browser.dashboard_page import DashboardPage

pytestmark = pytest.mark.browser

MATRIX, MOSAIC, TABLE = "Confusion matrix", "Images that fit", "Each digit"
PAGE = 40


class Truth:
    """What plain torch and numpy make of the test set with an MLP's weights after an epoch."""

    def __init__(self, server: AppServer, run_id: str, epoch: int) -> None:
        images, self.labels = synthetic.generate(TEST_IMAGES, 2)
        weights = load_file(server.runs / run_id / f"{epoch:04d}.safetensors")
        with torch.inference_mode():
            scores = models.load("mlp", weights)(normalize(torch.from_numpy(images)))
        self.probabilities = scores.softmax(1).numpy()
        self.predicted = self.probabilities.argmax(1)
        self.wrong = self.predicted != self.labels

    @property
    def wrong_count(self) -> int:
        return int(self.wrong.sum())

    def count(self, true: int, predicted: int) -> int:
        """How many images of one digit the network takes for another."""
        return int(((self.labels == true) & (self.predicted == predicted)).sum())

    @property
    def matrix(self) -> list[list[int]]:
        return [[self.count(true, predicted) for predicted in range(10)] for true in range(10)]


def open_mistakes(dashboard: DashboardPage, run_id: str) -> None:
    """Shows all mistakes of a run after its last epoch."""
    dashboard.open_tab("Mistakes")
    dashboard.button("All mistakes").click()
    dashboard.field("Order").select_option(label="Most confidently wrong")
    dashboard.show_run(run_id)


def titles(dashboard: DashboardPage) -> Locator:
    return dashboard.image_titles(MOSAIC)


def matrix(dashboard: DashboardPage) -> list[list[int]]:
    text = dashboard.figure_value(
        MATRIX, "gd.data?.[0]?.text ? Array.from(gd.data[0].text, (row) => Array.from(row)) : []"
    )
    return [[int(cell or 0) for cell in row] for row in text]


def frames(dashboard: DashboardPage) -> list[list[float]]:
    """Left, right, top and bottom of each frame in the matrix."""
    shapes = "(gd._fullLayout.shapes ?? []).map(({ x0, x1, y0, y1 }) => [x0, x1, y0, y1])"
    found: list[list[float]] = dashboard.figure_value(MATRIX, shapes)
    return found


def expect_image_count(dashboard: DashboardPage, count: int) -> None:
    """Waits until the tab says that so many images fit."""
    expect(dashboard.caption("Mistakes")).to_contain_text(
        re.compile(rf"^{count} of {TEST_IMAGES} test images fit")
    )


def test_matrix_and_table_are_those_of_the_network(
    dashboard: DashboardPage, server: AppServer, mlp_run: str
) -> None:
    truth = Truth(server, mlp_run, 3)
    open_mistakes(dashboard, mlp_run)
    expect_image_count(dashboard, truth.wrong_count)
    dashboard.until(lambda: matrix(dashboard) == truth.matrix)
    rows = dashboard.region(TABLE).get_by_role("row").all_inner_texts()[1:]
    assert len(rows) == 10
    for digit, row in enumerate(rows):
        true, predicted = truth.labels == digit, truth.predicted == digit
        both = int((true & predicted).sum())
        precision = percent(both / predicted.sum(), 1) if predicted.any() else "–"
        cells = [str(digit), str(true.sum()), precision, percent(both / true.sum(), 1)]
        assert [cell.strip() for cell in row.split("\t")][:4] == cells


def test_a_click_on_a_cell_leaves_exactly_its_images(
    dashboard: DashboardPage, server: AppServer, untaught_run: str
) -> None:
    truth = Truth(server, untaught_run, 1)
    pairs = [(true, predicted) for true in range(10) for predicted in range(10)]
    mistake = max(pairs, key=lambda pair: (pair[0] != pair[1]) * truth.count(*pair))
    right = max(pairs, key=lambda pair: (pair[0] == pair[1]) * truth.count(*pair))
    open_mistakes(dashboard, untaught_run)
    expect_image_count(dashboard, truth.wrong_count)
    for true, predicted in (mistake, right):
        dashboard.click_point(MATRIX, f"[{predicted}, {true}]")
        expect_image_count(dashboard, truth.count(true, predicted))
        frame = [predicted - 0.5, predicted + 0.5, true - 0.5, true + 0.5]
        dashboard.until(lambda frame=frame: frames(dashboard) == [frame])
        expect(titles(dashboard)).to_have_count(truth.count(true, predicted))
        for text in titles(dashboard).all_text_contents():
            assert re.findall(r"\d", text) == [str(true), str(predicted)]
    dashboard.button("All mistakes").click()
    expect_image_count(dashboard, truth.wrong_count)
    dashboard.until(lambda: frames(dashboard) == [])


def test_a_choice_frames_its_row_and_asks_for_images_only(
    dashboard: DashboardPage, server: AppServer, mlp_run: str
) -> None:
    truth = Truth(server, mlp_run, 3)
    open_mistakes(dashboard, mlp_run)
    dashboard.until(lambda: matrix(dashboard) == truth.matrix)
    asked: list[str] = []
    dashboard.page.on("request", lambda request: asked.append(request.post_data or ""))
    dashboard.field("True digit").select_option("3")
    dashboard.until(lambda: frames(dashboard) == [[-0.5, 9.5, 2.5, 3.5]])
    expect_image_count(dashboard, int((truth.wrong & (truth.labels == 3)).sum()))
    assert [body for body in asked if "mistakes-caption" in body]
    assert [body for body in asked if "mistakes-table" in body] == []
    assert matrix(dashboard) == truth.matrix


def test_images_come_in_the_order_that_is_asked_for(
    dashboard: DashboardPage, server: AppServer, mlp_run: str
) -> None:
    truth = Truth(server, mlp_run, 3)
    wrong = np.flatnonzero(truth.wrong)
    best = np.sort(truth.probabilities[wrong], axis=1)
    keys = {
        "Least sure (margin)": best[:, -1] - best[:, -2],
        "As in the test set": wrong,
        "Most confidently wrong": -best[:, -1],
    }
    open_mistakes(dashboard, mlp_run)
    for order, key in keys.items():
        expected = wrong[np.argsort(key, kind="stable")][:PAGE]
        dashboard.field("Order").select_option(label=order)
        texts = [f"True: {truth.labels[one]}✗ Pred: {truth.predicted[one]}" for one in expected]
        dashboard.until(lambda texts=texts: titles(dashboard).all_text_contents() == texts)


def test_categories_over_the_epochs_are_counted_and_filter(
    dashboard: DashboardPage, server: AppServer, mlp_run: str
) -> None:
    right = np.array([~Truth(server, mlp_run, epoch).wrong for epoch in (1, 2, 3)])
    lost = (right[:-1] & ~right[1:]).any(0)
    categories = {
        "always right": right.all(0),
        "learned": right[-1] & ~lost & ~right.all(0),
        "relearned": right[-1] & lost,
        "forgotten": ~right[-1] & right.any(0),
        "never learned": ~right.any(0),
    }
    open_mistakes(dashboard, mlp_run)
    for category, images in categories.items():
        dashboard.field(f"{category} ({images.sum()})").check()
        expect_image_count(dashboard, int(images.sum()))


def test_the_epoch_slider_changes_matrix_images_and_the_chosen_one(
    dashboard: DashboardPage, server: AppServer, mlp_run: str
) -> None:
    open_mistakes(dashboard, mlp_run)
    titles(dashboard).first.scroll_into_view_if_needed()
    dashboard.click_point(MOSAIC, "[gd.data[2].x[0], gd.data[2].y[0] + 14]")
    chosen = dashboard.region("Chosen image that fits")
    expect(chosen.get_by_role("heading")).to_have_text(re.compile(r"^Test image \d+$"))
    index = int(re.findall(r"\d+", chosen.get_by_role("heading").inner_text())[0])
    for epoch in (0, 1, 3):
        truth = Truth(server, mlp_run, epoch)
        dashboard.epoch_slider.fill(str(epoch))
        expect_image_count(dashboard, truth.wrong_count)
        dashboard.until(lambda truth=truth: matrix(dashboard) == truth.matrix)
        expect(titles(dashboard)).to_have_count(min(truth.wrong_count, PAGE))
        expect(chosen).to_contain_text(f"Pred: {truth.predicted[index]}")
        expected = pytest.approx((100 * truth.probabilities[index]).tolist(), abs=0.2)
        dashboard.until(lambda expected=expected: dashboard.percentages(chosen) == expected)


def test_pages_lead_through_all_images(dashboard: DashboardPage, mlp_run: str) -> None:
    open_mistakes(dashboard, mlp_run)
    caption = dashboard.caption("Mistakes")
    dashboard.field("Only wrong ones").uncheck()
    expect_image_count(dashboard, TEST_IMAGES)
    dashboard.button("8").click()
    expect(caption).to_contain_text("page 8 of 8")
    expect(titles(dashboard)).to_have_count(TEST_IMAGES - 7 * PAGE)
    dashboard.field("True digit").select_option("3")
    expect(caption).not_to_contain_text("page")


def test_it_follows_a_network_that_learns(
    dashboard: DashboardPage, server: AppServer, mlp_run: str
) -> None:
    open_mistakes(dashboard, mlp_run)
    dashboard.show_newest_run()
    server.start_endless_run()
    expect(dashboard.status("State")).to_have_text("Training")
    caption = dashboard.caption("Mistakes")
    expect(caption).to_contain_text(re.compile(r"after [1-9]"))
    first = caption.inner_text()
    expect(caption).not_to_have_text(first)
    expect(dashboard.status("State")).to_have_text("Training")


def test_the_guide_opens_at_the_section(dashboard: DashboardPage) -> None:
    dashboard.open_tab("Mistakes")
    with dashboard.page.expect_popup() as opened:
        dashboard.page.get_by_role("link", name="More in the guide").filter(visible=True).click()
    guide = opened.value
    expect(guide.get_by_role("heading", name="Mistakes", exact=True)).to_be_in_viewport()
    guide.close()
