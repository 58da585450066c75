"""The Gallery tab: what the network predicts for test images, and how sure it is of one."""

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.app_server import AppServer
from tests.browser.dashboard_page import DashboardPage

pytestmark = pytest.mark.browser

IMAGES = "Test images"


def open_gallery(dashboard: DashboardPage, count: int = 20) -> None:
    dashboard.open_tab("Gallery")
    dashboard.field("Images").select_option(str(count))
    dashboard.field("Only wrong ones").uncheck()


def titles(dashboard: DashboardPage) -> Locator:
    return dashboard.image_titles(IMAGES)


def pixels(dashboard: DashboardPage) -> str:
    return str(dashboard.figure_value(IMAGES, "JSON.stringify(gd.data[0]?.z ?? null)"))


def click_image(dashboard: DashboardPage, index: int) -> str:
    """Clicks on an image, counted from 0; returns the title above it."""
    title = titles(dashboard).nth(index)
    title.scroll_into_view_if_needed()
    dashboard.click_point(IMAGES, f"[gd.data[2].x[{index}], gd.data[2].y[{index}] + 14]")
    return title.text_content() or ""


def test_each_image_has_its_true_and_its_predicted_digit(
    dashboard: DashboardPage, mlp_run: str
) -> None:
    open_gallery(dashboard)
    dashboard.show_run(mlp_run)
    expect(titles(dashboard)).to_have_count(20)
    right = 0
    for text in titles(dashboard).all_text_contents():
        found = re.fullmatch(r"True: (\d)(✗ )?Pred: (\d)", text)
        assert found is not None, text
        assert (found[1] != found[3]) == bool(found[2])
        right += found[1] == found[3]
    expect(dashboard.caption("Gallery")).to_contain_text(f"{right} of 20 right, after 3 epochs.")


def test_one_chooses_how_many_images_and_gets_others(
    dashboard: DashboardPage, mlp_run: str
) -> None:
    open_gallery(dashboard)
    dashboard.show_run(mlp_run)
    for count in ("5", "50", "100", "10"):
        dashboard.field("Images").select_option(count)
        expect(titles(dashboard)).to_have_count(int(count))
    before = pixels(dashboard)
    dashboard.button("Draw others").click()
    dashboard.until(lambda: pixels(dashboard) != before)
    expect(titles(dashboard)).to_have_count(10)


def test_only_wrong_ones_are_all_wrong(dashboard: DashboardPage, untaught_run: str) -> None:
    open_gallery(dashboard)
    dashboard.show_run(untaught_run)
    dashboard.field("Only wrong ones").check()
    expect(titles(dashboard).filter(has_text="✗")).to_have_count(20)
    expect(titles(dashboard)).to_have_count(20)
    expect(dashboard.text("20 test images that the network gets wrong")).to_be_visible()
    dashboard.field("Only wrong ones").uncheck()
    expect(dashboard.text("of 20 right")).to_be_visible()


@pytest.mark.parametrize("count", [5, 100])
def test_a_click_on_an_image_shows_how_sure_the_network_is(
    dashboard: DashboardPage, mlp_run: str, count: int
) -> None:
    open_gallery(dashboard, count)
    dashboard.show_run(mlp_run)
    expect(titles(dashboard)).to_have_count(count)
    chosen = dashboard.region("Chosen image")
    for index in (0, count - 1):
        label, predicted = re.findall(r"\d", click_image(dashboard, index))
        expect(chosen).to_contain_text(f"True: {label}, Pred: {predicted}")
        expect(chosen.get_by_role("heading")).to_have_text(re.compile(r"^Test image \d+$"))
        expect(chosen.get_by_role("listitem")).to_have_count(10)
        shares = dashboard.percentages(chosen)
        assert sum(shares) == pytest.approx(100, abs=0.6)
        assert shares.index(max(shares)) == int(predicted)
        dashboard.expect_best_digit(chosen, int(predicted))


@pytest.mark.parametrize("late", [0, 600], ids=["answers at once", "answers late"])
def test_the_gallery_works_while_the_network_learns(
    dashboard: DashboardPage, server: AppServer, late: int
) -> None:
    open_gallery(dashboard)
    server.start_endless_run()  # its weights change several times a second
    with dashboard.slow_answers(late):
        caption = dashboard.text(re.compile(r"of 20 right, after"))
        expect(dashboard.status("State")).to_have_text("Training")
        expect(caption).to_be_visible()
        first = caption.inner_text()
        expect(dashboard.text(first, exact=True)).to_have_count(0)  # newer weights came
        expect(titles(dashboard)).to_have_count(20)
        click_image(dashboard, 3)
        expect(dashboard.region("Chosen image")).to_contain_text("Test image")
        expect(dashboard.status("State")).to_have_text("Training")


def test_a_click_counts_though_the_slider_moves_before_its_answer(
    dashboard: DashboardPage, mlp_run: str
) -> None:
    open_gallery(dashboard)
    dashboard.show_run(mlp_run)
    dashboard.epoch_slider.fill("3")
    dashboard.wait_until_quiet()
    held = dashboard.hold_back("gallery-detail.children")
    title = click_image(dashboard, 3)
    dashboard.until(lambda: held)
    dashboard.epoch_slider.fill("1")
    dashboard.until(lambda: len(held) == 2)
    for request in held:
        dashboard.release(request)
    chosen = dashboard.region("Chosen image")
    expect(chosen.get_by_role("listitem")).to_have_count(10)
    expect(chosen).to_contain_text(title[:7])


def test_new_weights_read_the_same_images_anew(
    dashboard: DashboardPage, server: AppServer, untaught_run: str
) -> None:
    open_gallery(dashboard)
    dashboard.show_run(untaught_run)
    expect(titles(dashboard)).to_have_count(20)
    images, before = pixels(dashboard), titles(dashboard).all_text_contents()
    dashboard.show_newest_run()
    server.train()
    expect(dashboard.text("after 3 epochs")).to_be_visible()
    dashboard.until(lambda: titles(dashboard).all_text_contents() != before)
    assert pixels(dashboard) == images
