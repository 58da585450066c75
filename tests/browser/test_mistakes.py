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
from dashboard.formatting import PERCENT, percent
from tests.browser.app_server import TEST_IMAGES, AppServer
from tests.browser.dashboard_page import DashboardPage

pytestmark = pytest.mark.browser

MATRIX, IMAGES = "Confusion matrix", "Images that match"
CHOSEN = "Chosen image that matches"
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
    show(dashboard, "All mistakes")
    dashboard.field("Sort").select_option(label="Surest mistakes")
    dashboard.show_run(run_id)


def show(dashboard: DashboardPage, which: str) -> None:
    dashboard.field("Show").select_option(label=which)


def titles(dashboard: DashboardPage) -> Locator:
    return dashboard.image_titles(IMAGES)


def cell(dashboard: DashboardPage, true: int, predicted: int) -> Locator:
    name = re.compile(rf"times a {true} read as {predicted}$")
    return dashboard.region(MATRIX).get_by_role("button", name=name)


def matrix(dashboard: DashboardPage) -> list[list[int]]:
    rows = dashboard.region(MATRIX).locator(".cm tbody tr")
    texts = rows.evaluate_all(
        "rows => rows.map(row => [...row.querySelectorAll('td button')].map(one => one.innerText))"
    )
    return [[int(text.replace(",", "") or 0) for text in row] for row in texts]


def pressed(dashboard: DashboardPage) -> list[str]:
    """The names of the pressed buttons of the matrix."""
    found: list[str] = (
        dashboard.region(MATRIX)
        .locator("button[aria-pressed=true]")
        .evaluate_all("all => all.map(one => one.ariaLabel ?? one.title)")
    )
    return found


def expect_image_count(dashboard: DashboardPage, count: int) -> None:
    """Waits until the tab says that so many images match."""
    words = f"1–{min(count, PAGE)} of {count}" if count else "none"
    expect(dashboard.page.locator("#mistakes-range")).to_have_text(words)


def test_matrix_margins_and_table_are_those_of_the_network(
    dashboard: DashboardPage, server: AppServer, mlp_run: str
) -> None:
    truth = Truth(server, mlp_run, 3)
    open_mistakes(dashboard, mlp_run)
    expect_image_count(dashboard, truth.wrong_count)
    expect(dashboard.caption("Mistakes")).to_have_text(
        f"{truth.wrong_count} of {TEST_IMAGES} misread after 3 epochs"
    )
    assert matrix(dashboard) == truth.matrix
    found = dashboard.region(MATRIX).locator(".found").all_inner_texts()
    correct = dashboard.region(MATRIX).locator(".correct").all_inner_texts()
    table = dashboard.page.locator(".scores")
    table.locator("summary").click()
    rows = table.get_by_role("row").all_inner_texts()[1:]
    table.locator("summary").click()
    assert len(rows) == len(found) == len(correct) == 10
    for digit, row in enumerate(rows):
        true, predicted = truth.labels == digit, truth.predicted == digit
        both = int((true & predicted).sum())
        precision = percent(both / predicted.sum(), 1) if predicted.any() else "–"
        recall = percent(both / true.sum(), 1)
        assert row.split("\t")[:4] == [str(digit), str(true.sum()), precision, recall]
        assert (found[digit], correct[digit]) == (recall, precision.rstrip(PERCENT))
    for margin in ("found", "correct"):
        cells = dashboard.region(MATRIX).locator(f".{margin}")
        weights = cells.evaluate_all("all => all.map(one => getComputedStyle(one).fontWeight)")
        assert sorted(weights) == ["400"] * 9 + ["700"], "the worst digit is marked"


def test_a_click_on_a_cell_leaves_exactly_its_images(
    dashboard: DashboardPage, server: AppServer, untaught_run: str
) -> None:
    truth = Truth(server, untaught_run, 1)
    pairs = [(true, predicted) for true in range(10) for predicted in range(10)]
    mistake = max(pairs, key=lambda pair: (pair[0] != pair[1]) * truth.count(*pair))
    right = max(pairs, key=lambda pair: (pair[0] == pair[1]) * truth.count(*pair))
    nothing = min(pairs, key=lambda pair: truth.count(*pair))
    assert truth.count(*nothing) == 0
    open_mistakes(dashboard, untaught_run)
    expect_image_count(dashboard, truth.wrong_count)
    for true, predicted in (mistake, right):
        count = truth.count(true, predicted)
        cell(dashboard, true, predicted).click()
        expect_image_count(dashboard, count)
        assert pressed(dashboard) == [f"{count} times a {true} read as {predicted}"]
        expect(dashboard.field("Show")).to_have_value("chosen")
        expect(titles(dashboard)).to_have_text(
            [f"True {true}\u2002Pred {predicted}"] * min(count, PAGE)
        )
    cell(dashboard, *nothing).click()
    expect(dashboard.region(IMAGES)).to_contain_text("No image matches.")
    expect(titles(dashboard)).to_have_count(0)
    dashboard.button("Show all").click()
    expect_image_count(dashboard, truth.wrong_count)
    assert pressed(dashboard) == []
    expect(dashboard.field("Show")).to_have_value("wrong")


def test_a_digit_chooses_its_row_and_the_keyboard_moves_through_the_matrix(
    dashboard: DashboardPage, server: AppServer, mlp_run: str
) -> None:
    truth = Truth(server, mlp_run, 3)
    open_mistakes(dashboard, mlp_run)
    expect_image_count(dashboard, truth.wrong_count)
    asked: list[str] = []
    dashboard.page.on("request", lambda request: asked.append(request.post_data or ""))
    dashboard.region(MATRIX).get_by_title("All true 3s").click()
    expect_image_count(dashboard, int((truth.wrong & (truth.labels == 3)).sum()))
    assert len([body for body in asked if "mistakes-" in body]) == 1  # one question, one answer
    assert pressed(dashboard) == ["All true 3s"]
    expect(dashboard.page.locator(".cm [tabindex='0']")).to_have_count(1)
    dashboard.region(MATRIX).get_by_title("All read as 8").click()
    expect_image_count(dashboard, int((truth.wrong & (truth.predicted == 8)).sum()))
    dashboard.region(MATRIX).get_by_title("All true 3s").click()
    expect_image_count(dashboard, int((truth.wrong & (truth.labels == 3)).sum()))

    keyboard = dashboard.page.keyboard
    for key, focused in (("ArrowRight", (3, 0)), ("ArrowRight", (3, 1)), ("ArrowUp", (2, 1))):
        keyboard.press(key)
        expect(cell(dashboard, *focused)).to_be_focused()
    keyboard.press("ArrowDown")
    keyboard.press("Enter")
    expect_image_count(dashboard, truth.count(3, 1))
    expect(cell(dashboard, 3, 1)).to_be_focused()


def test_images_come_in_the_order_that_is_asked_for(
    dashboard: DashboardPage, server: AppServer, mlp_run: str
) -> None:
    truth = Truth(server, mlp_run, 3)
    wrong = np.flatnonzero(truth.wrong)
    best = np.sort(truth.probabilities[wrong], axis=1)
    keys = {
        "Least sure: top two close": best[:, -1] - best[:, -2],
        "As in the test set": wrong,
        "Surest mistakes": -best[:, -1],
    }
    open_mistakes(dashboard, mlp_run)
    for order, key in keys.items():
        expected = wrong[np.argsort(key, kind="stable")][:PAGE]
        dashboard.field("Sort").select_option(label=order)
        texts = [f"True {truth.labels[one]}\u2002Pred {truth.predicted[one]}" for one in expected]
        dashboard.until(lambda texts=texts: titles(dashboard).all_text_contents() == texts)


def test_categories_over_the_epochs_are_counted_and_filter(
    dashboard: DashboardPage, server: AppServer, mlp_run: str
) -> None:
    right = np.array([~Truth(server, mlp_run, epoch).wrong for epoch in (1, 2, 3)])
    lost = (right[:-1] & ~right[1:]).any(0)
    categories = {
        "Always right": right.all(0),
        "Learned late": right[-1] & ~lost & ~right.all(0),
        "Relearned": right[-1] & lost,
        "Forgotten": ~right[-1] & right.any(0),
        "Never right": ~right.any(0),
    }
    open_mistakes(dashboard, mlp_run)
    for category, images in categories.items():
        dashboard.pick(f"{category} {images.sum()}")
        expect_image_count(dashboard, int(images.sum()))


def test_the_epoch_slider_changes_matrix_images_and_the_chosen_one(
    dashboard: DashboardPage, server: AppServer, mlp_run: str
) -> None:
    open_mistakes(dashboard, mlp_run)
    dashboard.images(IMAGES).first.click()
    chosen = dashboard.region(CHOSEN)
    expect(chosen.get_by_role("heading")).to_have_text(re.compile(r"^Test image \d+$"))
    index = int(re.findall(r"\d+", chosen.get_by_role("heading").inner_text())[0])
    look = chosen.get_by_role("button", name="Look inside")
    expect(look).to_have_attribute("data-look-inside", str(index))
    for epoch in (0, 1, 3):
        truth = Truth(server, mlp_run, epoch)
        dashboard.epoch_slider.fill(str(epoch))
        expect_image_count(dashboard, truth.wrong_count)
        assert matrix(dashboard) == truth.matrix
        expect(titles(dashboard)).to_have_count(min(truth.wrong_count, PAGE))
        expect(chosen).to_contain_text(f"read as {truth.predicted[index]}")
        expect(look).to_have_attribute("data-look-inside", str(index))
        expected = pytest.approx((100 * truth.probabilities[index]).tolist(), abs=0.2)
        assert dashboard.percentages(chosen) == expected


def test_pages_lead_through_all_images(dashboard: DashboardPage, mlp_run: str) -> None:
    open_mistakes(dashboard, mlp_run)
    show(dashboard, "All test digits")
    expect_image_count(dashboard, TEST_IMAGES)
    turn = dashboard.button("Next page")
    expect(dashboard.button("Previous page")).to_be_disabled()
    pages = -(-TEST_IMAGES // PAGE)
    for page in range(2, pages + 1):
        turn.click()
        first = (page - 1) * PAGE + 1
        last = min(page * PAGE, TEST_IMAGES)
        expect(dashboard.text(f"{first}–{last} of {TEST_IMAGES}")).to_be_visible()
    expect(turn).to_be_disabled()
    expect(titles(dashboard)).to_have_count(TEST_IMAGES - (pages - 1) * PAGE)
    dashboard.region(MATRIX).get_by_title("All read as 3").click()
    expect(dashboard.button("Previous page")).to_be_disabled()


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
