"""The Embedding tab: test digits in a plane, pointing shows one, the drawing is among them."""

import re

import numpy as np
import pytest
from playwright.sync_api import Locator, expect
from safetensors.torch import load_file

from core.data import synthetic
from core.explain import projection
from core.explain.activations import Network
from dashboard.tabs.gallery.callbacks import MAX_CHOSEN
from tests.browser.app_server import TEST_IMAGES, AppServer
from tests.browser.dashboard_page import DashboardPage

pytestmark = pytest.mark.browser

SEVEN = [(0.25, 0.2), (0.75, 0.2), (0.45, 0.85)]
CHOSEN = "Chosen digit"
ANSWER = "dash_component_api.getLayout('embedding-shown').props.data"


def open_embedding(dashboard: DashboardPage, run_id: str) -> None:
    """Shows the PCA of a run after its last epoch, with no image chosen."""
    dashboard.open_tab("Embedding")
    dashboard.choose("PCA")
    dashboard.show_run(run_id)
    expect(dashboard.text("of their variety")).to_be_visible()
    dashboard.until(lambda: len(dashboard.digit_places()) == TEST_IMAGES)
    expect_chosen(dashboard, 0)


def plane(dashboard: DashboardPage) -> Locator:
    return dashboard.page.locator("#embedding-plane")


def points(dashboard: DashboardPage) -> np.ndarray:
    """Where the embedding has the test images, (N, 2), before they are moved apart."""
    return np.array(dashboard.page.evaluate(f"{ANSWER}.points"))


def distances(dashboard: DashboardPage) -> np.ndarray:
    """How far the test images are from the middle: turning the plane does not change that."""
    return np.linalg.norm(points(dashboard), axis=1)


def expect_chosen(dashboard: DashboardPage, count: int) -> None:
    """Waits until the page says that so many images are chosen for the gallery."""
    sentence = dashboard.text(re.compile(r"^\d+ images? chosen\.$"))
    if count:
        noun = "image" if count == 1 else "images"
        expect(sentence).to_have_text(f"{count} {noun} chosen.")
        expect(dashboard.button("Show in Gallery")).to_be_enabled()
    else:
        expect(sentence).to_have_count(0)
        expect(dashboard.button("Show in Gallery")).to_be_disabled()


def choose_some(dashboard: DashboardPage) -> list[int]:
    """Draws a lasso around the left part of the plane; the images that are in it."""
    plane(dashboard).scroll_into_view_if_needed()
    dashboard.button("Lasso").click()
    box = plane(dashboard).bounding_box()
    assert box is not None
    places = dashboard.digit_places()
    across = np.sort([x for x, _ in places.values()])[60:121]
    gap = int(np.diff(across).argmax())  # no digit's middle may lie on the line
    edge = float(across[gap : gap + 2].mean())
    west, north = box["x"] + 2, box["y"] + 2
    east, south = box["x"] + edge, box["y"] + box["height"] - 2
    mouse = dashboard.page.mouse
    mouse.move(east, north)  # the corners of the plane are round
    mouse.down()
    for corner in ((east, south), (west, south), (west, north)):
        mouse.move(*corner, steps=8)
    mouse.up()
    dashboard.button("Lasso").click()
    chosen = sorted(index for index, (x, _) in places.items() if x < edge)
    assert 1 < len(chosen) < TEST_IMAGES
    expect_chosen(dashboard, len(chosen))
    return chosen


def expect_gallery_of(dashboard: DashboardPage, images: list[int], when: str) -> None:
    """The gallery shows exactly these images, in their order, as they were read then."""
    caption = dashboard.caption("Gallery")
    expect(caption).to_contain_text(f"{len(images)} images chosen in the embedding")
    expect(caption).to_contain_text(when)
    shown = dashboard.images("Test images")
    _, labels = synthetic.generate(TEST_IMAGES, 2)
    wanted = [f"True {labels[index]}" for index in images[:MAX_CHOSEN]]
    dashboard.until(lambda: re.findall(r"True \d", " ".join(shown.all_text_contents())) == wanted)


def test_pca_is_that_of_the_weights_on_disk_and_follows_the_epoch_slider(
    dashboard: DashboardPage, server: AppServer, cnn_run: str
) -> None:
    open_embedding(dashboard, cnn_run)
    sentence = re.compile(rf"^{TEST_IMAGES} test digits, \d+ misread")
    expect(dashboard.text(sentence)).to_be_visible()
    images, _ = synthetic.generate(TEST_IMAGES, 2)
    for epoch in (3, 0):
        dashboard.epoch_slider.fill(str(epoch))
        weights = load_file(server.runs / cnn_run / f"{epoch:04d}.safetensors")
        features = Network("speedrun_cnn", weights).features(images)
        assert features is not None
        wanted = np.linalg.norm(projection.pca(features).points, axis=1)
        dashboard.until(
            lambda wanted=wanted: np.allclose(distances(dashboard), wanted, rtol=1e-2, atol=1e-2)
        )


def test_tsne_comes_after_a_while(dashboard: DashboardPage, cnn_run: str) -> None:
    open_embedding(dashboard, cnn_run)
    dashboard.choose("t-SNE")
    expect(dashboard.text("of their variety")).to_have_count(0)
    assert points(dashboard).shape == (TEST_IMAGES, 2)
    dashboard.choose("PCA")
    expect(dashboard.text("of their variety")).to_be_visible()


def test_no_digit_covers_another(dashboard: DashboardPage) -> None:
    apart = """([count, spread, half]) => {
        let seed = 7;
        const random = () => (seed = (16807 * seed) % 2147483647) / 2147483647;
        const squares = Array.from({length: count}, () => (
            {x: 500 + spread * (random() - 0.5), y: 300 + spread * (random() - 0.5), half}));
        window.digitlab.moveApart(squares, 1036, 636);
        return squares.map(({x, y}) => [x, y]);
    }"""
    for count, spread, half in ((1000, 300.0, 7.1), (300, 0.0, 7.1), (400, 5.0, 11.0)):
        found = np.array(dashboard.page.evaluate(apart, [count, spread, half]))
        gaps = np.abs(found[:, None] - found[None]).max(-1)
        np.fill_diagonal(gaps, np.inf)
        assert gaps.min() > 2 * half - 0.01
        assert found.min() >= half
        assert (found.max(0) <= np.array([1036, 636]) - half).all()


def test_a_digit_is_pointed_at_with_mouse_keys_and_list(
    dashboard: DashboardPage, cnn_run: str
) -> None:
    open_embedding(dashboard, cnn_run)
    chosen, places = dashboard.region(CHOSEN), dashboard.digit_places()
    _, labels = synthetic.generate(TEST_IMAGES, 2)
    x, y = places[5]
    plane(dashboard).hover(position={"x": x, "y": y})
    expect(chosen).to_contain_text("Test image 5")
    expect(chosen).to_contain_text(re.compile(rf"A {labels[5]}, read as \d"))

    plane(dashboard).focus()
    to_the_right = [
        (px - x + 2 * abs(py - y), index)
        for index, (px, py) in places.items()
        if px - x > 1 and abs(py - y) < 2 * (px - x)
    ]
    (_, nearest) = min(to_the_right, default=(0, 5))
    dashboard.page.keyboard.press("ArrowRight")
    expect(chosen.get_by_text(f"Test image {nearest}", exact=True)).to_be_visible()
    dashboard.page.keyboard.press("Enter")
    expect_chosen(dashboard, 1)
    dashboard.page.keyboard.press("Escape")
    expect_chosen(dashboard, 0)

    dashboard.text("Misread digits as a list").click()
    misread = dashboard.region("Test digits in a plane").get_by_role("listitem")
    wrong = dashboard.page.evaluate(
        f"{ANSWER}.labels.filter((label, at) => label !== {ANSWER}.predictions[at]).length"
    )
    expect(misread).to_have_count(wrong)
    if wrong:
        words = misread.last.inner_text()
        misread.last.get_by_role("button").click()
        expect(chosen).to_contain_text(words.split(":")[0])
        expect(chosen).to_contain_text("(misread)")
        nearest = int(words.split(":")[0].split()[-1])
    dashboard.button("Look inside").click()
    dashboard.expect_tab("Inside")
    expect(dashboard.caption("Inside")).to_contain_text(f"Test image {nearest},")


def test_a_lasso_chooses_images_for_every_epoch_and_for_the_gallery_until_a_double_click(
    dashboard: DashboardPage, cnn_run: str
) -> None:
    open_embedding(dashboard, cnn_run)
    chosen = choose_some(dashboard)
    before = points(dashboard)
    dashboard.epoch_slider.fill("1")
    dashboard.until(lambda: not np.allclose(points(dashboard), before))
    expect_chosen(dashboard, len(chosen))

    dashboard.button("Show in Gallery").click()
    dashboard.expect_tab("Gallery")
    expect_gallery_of(dashboard, chosen, "after 1 epoch")
    expect(dashboard.field("Images")).to_be_disabled()
    dashboard.epoch_slider.press("End")
    expect_gallery_of(dashboard, chosen, "after 3 epochs")

    dashboard.button("Back to all images").click()
    expect(dashboard.caption("Gallery")).to_contain_text(re.compile(r"right\s*after 3 epochs"))
    expect(dashboard.button("Back to all images")).to_have_count(0)
    expect(dashboard.field("Images")).to_be_enabled()
    dashboard.open_tab("Embedding")
    expect_chosen(dashboard, 0)

    choose_some(dashboard)
    dashboard.wait_until_quiet()
    plane(dashboard).dblclick()
    expect_chosen(dashboard, 0)
    dashboard.open_tab("Gallery")
    expect(dashboard.caption("Gallery")).to_contain_text(re.compile(r"right\s*after 3 epochs"))


def test_a_drag_chooses_no_digit_and_a_lasso_that_is_cancelled_chooses_none(
    dashboard: DashboardPage, cnn_run: str
) -> None:
    open_embedding(dashboard, cnn_run)
    chosen, places = dashboard.region(CHOSEN), dashboard.digit_places()
    plane(dashboard).scroll_into_view_if_needed()
    (x, y), (other_x, other_y) = places[5], places[6]
    plane(dashboard).hover(position={"x": x, "y": y})
    expect(chosen).to_contain_text("Test image 5")
    box = plane(dashboard).bounding_box()
    assert box is not None
    mouse = dashboard.page.mouse
    mouse.down()
    mouse.move(box["x"] + other_x, box["y"] + other_y, steps=4)
    mouse.up()
    expect(chosen).to_contain_text("Test image 5")

    cancelled = """plane => {
        const {left, top, right, bottom} = plane.getBoundingClientRect();
        const pen = {pointerId: 9, pointerType: "pen", shiftKey: true};
        const send = (type, clientX, clientY) =>
            plane.dispatchEvent(new PointerEvent(type, {...pen, clientX, clientY}));
        send("pointerdown", left, top);
        send("pointermove", right, top);
        send("pointermove", right, bottom);
        send("pointermove", left, bottom);
        send("pointercancel", left, bottom);
    }"""
    plane(dashboard).evaluate(cancelled)
    dashboard.wait_until_quiet()
    expect_chosen(dashboard, 0)
    plane(dashboard).dblclick()


def test_the_drawing_is_a_star_among_them(dashboard: DashboardPage, cnn_run: str) -> None:
    dashboard.open_tab("Draw")
    dashboard.button("Clear").click()
    open_embedding(dashboard, cnn_run)
    star = "plane => plane.star"
    assert plane(dashboard).evaluate(star) is None
    dashboard.open_tab("Draw")
    dashboard.draw(SEVEN)
    dashboard.open_tab("Embedding")
    dashboard.until(lambda: plane(dashboard).evaluate(star))
    x, y = plane(dashboard).evaluate("plane => [plane.star.x, plane.star.y]")
    painted = """(plane, [x, y]) => {
        const scale = plane.width / 1036;
        const at = [x * scale, y * scale].map(Math.round);
        return [...plane.getContext("2d").getImageData(...at, 1, 1).data.slice(0, 3)];
    }"""
    yellow = [int(part) for part in re.findall(r"\d+", dashboard.theme_color("accent"))]
    dashboard.until(lambda: plane(dashboard).evaluate(painted, [x, y]) == yellow)
