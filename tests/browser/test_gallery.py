"""The Gallery tab: what the network says of test images, and how sure it is of a chosen one."""

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import Lab, Visit
from tests.browser.visitor import Visitor

pytestmark = pytest.mark.browser

MOSAIC = "Test images"


def in_gallery(visitor: Visitor) -> Visitor:
    visitor.tab("Gallery")
    return visitor


def titles(visitor: Visitor) -> Locator:
    """The texts above the images."""
    return visitor.region(MOSAIC).locator("text").filter(has_text="True:")


def pixels(visitor: Visitor) -> str:
    return str(visitor.look(MOSAIC, "JSON.stringify(gd.data[0]?.z ?? null)"))


def click_image(visitor: Visitor, place: int) -> str:
    """Clicks on an image, counted from 0; returns the title above it."""
    title = titles(visitor).nth(place)
    title.scroll_into_view_if_needed()
    visitor.click_point(MOSAIC, f"[gd.data[2].x[{place}], gd.data[2].y[{place}] + 14]")
    return title.text_content() or ""


def test_before_the_first_run_the_gallery_says_what_to_do(visit_untrained: Visit) -> None:
    visitor = in_gallery(visit_untrained())
    expect(visitor.region(MOSAIC)).to_contain_text("Press Train first")
    expect(titles(visitor)).to_have_count(0)


def test_each_image_has_its_true_and_its_predicted_digit(visit: Visit, trained: Lab) -> None:
    visitor = in_gallery(visit())
    expect(titles(visitor)).to_have_count(20)
    for text in titles(visitor).all_text_contents():
        said = re.fullmatch(r"True: (\d)(✗ )?Pred: (\d)", text)
        assert said is not None, text
        assert (said[1] != said[3]) == bool(said[2])
    right = sum("✗" not in text for text in titles(visitor).all_text_contents())
    expect(visitor.page.get_by_text(f"{right} of 20 right, after 3 epochs.")).to_be_visible()


def test_the_gallery_shows_as_many_images_as_are_asked_for(visit: Visit, trained: Lab) -> None:
    visitor = in_gallery(visit())
    for count in ("5", "50", "100", "10"):
        visitor.field("Images").select_option(count)
        expect(titles(visitor)).to_have_count(int(count))


def test_draw_others_brings_other_images(visit: Visit, trained: Lab) -> None:
    visitor = in_gallery(visit())
    expect(titles(visitor)).to_have_count(20)
    before = pixels(visitor)
    visitor.button("Draw others").click()
    visitor.until(lambda: pixels(visitor) != before)
    expect(titles(visitor)).to_have_count(20)


def test_only_wrong_ones_are_all_wrong(visit: Visit, lab: Lab) -> None:
    lab.train(learning_rate=1e-6, epochs=1)  # has learnt next to nothing: enough is wrong
    visitor = in_gallery(visit())
    visitor.field("Only wrong ones").click()
    crossed = visitor.region(MOSAIC).locator("text").filter(has_text="✗")
    expect(crossed).to_have_count(20)
    expect(titles(visitor)).to_have_count(20)
    expect(visitor.page.get_by_text("20 test images that the network gets wrong")).to_be_visible()
    visitor.field("Only wrong ones").click()
    expect(visitor.page.get_by_text("of 20 right")).to_be_visible()


@pytest.mark.parametrize("count", ["5", "100"])
def test_a_click_on_an_image_shows_how_sure_the_network_is(
    visit: Visit, trained: Lab, count: str
) -> None:
    visitor = in_gallery(visit())
    visitor.field("Images").select_option(count)
    expect(titles(visitor)).to_have_count(int(count))
    chosen = visitor.region("Chosen image")
    expect(chosen).to_contain_text("Click an image")
    for place in (0, int(count) - 1):
        label, said = re.findall(r"\d", click_image(visitor, place))
        expect(chosen).to_contain_text(f"True: {label}, Pred: {said}")
        expect(chosen.get_by_role("heading")).to_have_text(re.compile(r"^Test image \d+$"))
        bars = chosen.get_by_role("listitem")
        expect(bars).to_have_count(10)
        shares = [float(text.split("\n")[-1].rstrip("%")) for text in bars.all_inner_texts()]
        assert sum(shares) == pytest.approx(100, abs=0.6)
        assert shares.index(max(shares)) == int(said)
        expect(chosen.locator(".bar.best")).to_contain_text(said)


@pytest.mark.parametrize("late", [0, 600], ids=["answers at once", "answers late"])
def test_the_gallery_works_while_the_network_learns(visit: Visit, lab: Lab, late: int) -> None:
    visitor = in_gallery(visit())
    visitor.answer_late(late)  # and new weights come four times a second
    run_id = lab.begin()
    expect(titles(visitor)).to_have_count(20)
    caption = visitor.page.get_by_text(re.compile(r"of 20 right, after"))
    expect(caption).to_be_visible()
    first = caption.inner_text()
    expect(visitor.page.get_by_text(first, exact=True)).to_have_count(0)  # newer weights came
    click_image(visitor, 3)
    expect(visitor.region("Chosen image")).to_contain_text("Test image")
    expect(visitor.status("State")).to_have_text("running")
    lab.end(run_id)


def test_a_click_counts_though_the_slider_moves_before_its_answer(
    visit: Visit, trained: Lab
) -> None:
    visitor = in_gallery(visit())
    expect(titles(visitor)).to_have_count(20)
    held = visitor.hold_back("gallery-detail.children")
    click_image(visitor, 3)
    visitor.until(lambda: held)
    visitor.field("Network after epoch").fill("1")
    visitor.until(lambda: len(held) == 2)
    for late in held:
        visitor.let_go(late)
    expect(visitor.region("Chosen image").get_by_role("listitem")).to_have_count(10)


def test_new_weights_read_the_same_images_anew(visit: Visit, lab: Lab) -> None:
    lab.train(learning_rate=1e-6, epochs=1)
    visitor = in_gallery(visit())
    expect(titles(visitor)).to_have_count(20)
    images, said = pixels(visitor), titles(visitor).all_text_contents()
    lab.train(epochs=3)
    expect(visitor.page.get_by_text("after 3 epochs")).to_be_visible()
    visitor.until(lambda: titles(visitor).all_text_contents() != said)
    assert pixels(visitor) == images
