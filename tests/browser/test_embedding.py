"""The Embedding tab: the test images in a plane, a click shows one, the drawing is among them."""

import re

import numpy as np
import pytest
from playwright.sync_api import expect
from safetensors.torch import load_file

from core.data import synthetic
from core.explain import projection
from core.explain.activations import Network
from dashboard.tabs.gallery.callbacks import MAX_CHOSEN
from tests.browser.app_server import TEST_IMAGES, AppServer
from tests.browser.dashboard_page import DashboardPage

pytestmark = pytest.mark.browser

PLANE = "Test images in a plane"
SEVEN = [(0.25, 0.2), (0.75, 0.2), (0.45, 0.85)]
POINTS = """gd._fullData.slice(0, 10).flatMap(trace =>
    Array.from(trace.customdata, (index, i) => [index, trace.x[i], trace.y[i]]))"""
MARKED = """gd._fullData.slice(0, 10).flatMap(
    trace => Array.from(trace.selectedpoints ?? [], point => trace.customdata[point]))"""


def open_embedding(dashboard: DashboardPage, run_id: str) -> None:
    """Shows the PCA of a run after its last epoch, with no image chosen."""
    dashboard.open_tab("Embedding")
    dashboard.field("PCA").check()
    dashboard.show_run(run_id)
    expect(dashboard.text("of the features' variance")).to_be_visible()
    expect_marked(dashboard, [])


def points(dashboard: DashboardPage) -> np.ndarray:
    """Where the test images are, (N, 2), in their order."""
    found = np.array(dashboard.figure_value(PLANE, POINTS), float)
    return found[found[:, 0].argsort()][:, 1:]


def distances(dashboard: DashboardPage) -> np.ndarray:
    """How far the test images are from the middle: turning the plane does not change that."""
    return np.linalg.norm(points(dashboard), axis=1)


def expect_marked(dashboard: DashboardPage, images: list[int]) -> None:
    """Waits until the plane shows exactly these images as chosen, and says how many they are."""
    dashboard.until(lambda: sorted(dashboard.figure_value(PLANE, MARKED)) == sorted(images))
    shown = 1 if images else 0
    expect(dashboard.text(re.compile(r"\d+ images chosen\."))).to_have_count(shown)
    expect(dashboard.button("Show them in the gallery")).to_have_count(shown)
    if images:
        expect(dashboard.text(f"{len(images)} images chosen.", exact=True)).to_be_visible()


def choose_some(dashboard: DashboardPage) -> list[int]:
    """Draws a lasso around the left part of the plane; the images that are in it."""
    area = dashboard.plot_area(PLANE)
    area.scroll_into_view_if_needed()
    box = area.bounding_box()
    assert box is not None
    all_x = "points.map(([index, x]) => [index, gd._fullLayout.xaxis.d2p(x)])"
    pixels = dashboard.figure_value(PLANE, f"(points => {all_x})({POINTS})")
    across = np.sort([x for _, x in pixels])[60:121]
    gap = int(np.diff(across).argmax())  # no point may lie on the line
    edge = float(across[gap : gap + 2].mean())
    west, north = box["x"] + 2, box["y"] + 2
    east, south = box["x"] + edge, box["y"] + box["height"] - 2
    mouse = dashboard.page.mouse
    mouse.move(west, north)
    mouse.down()
    for corner in ((east, north), (east, south), (west, south), (west, north)):
        mouse.move(*corner, steps=8)
    mouse.up()
    chosen = [int(index) for index, x in pixels if x < edge]
    assert 1 < len(chosen) < TEST_IMAGES
    expect_marked(dashboard, chosen)
    return chosen


def expect_gallery_of(dashboard: DashboardPage, images: list[int], when: str) -> None:
    """The gallery shows exactly these images, in their order, as they were read then."""
    caption = dashboard.caption("Gallery")
    expect(caption).to_contain_text(f"{len(images)} images chosen in the embedding")
    expect(caption).to_contain_text(when)
    titles = dashboard.image_titles("Test images")
    _, labels = synthetic.generate(TEST_IMAGES, 2)
    wanted = [f"True: {labels[index]}" for index in images[:MAX_CHOSEN]]
    dashboard.until(lambda: [text[:7] for text in titles.all_text_contents()] == wanted)


def test_pca_is_that_of_the_weights_on_disk_and_follows_the_epoch_slider(
    dashboard: DashboardPage, server: AppServer, cnn_run: str
) -> None:
    open_embedding(dashboard, cnn_run)
    sentence = re.compile(rf"^{TEST_IMAGES} test images, \d+ of them misread")
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
    dashboard.field("t-SNE").check()
    expect(dashboard.text("Who is whose neighbour counts")).to_be_visible()
    assert points(dashboard).shape == (TEST_IMAGES, 2)
    dashboard.field("PCA").check()
    expect(dashboard.text("of the features' variance")).to_be_visible()


def test_a_click_on_a_point_shows_its_image(dashboard: DashboardPage, cnn_run: str) -> None:
    open_embedding(dashboard, cnn_run)
    dashboard.hover_point(PLANE, "[gd._fullData[0].x[0], gd._fullData[0].y[0]]")
    index = dashboard.figure_value(PLANE, "gd._hoverdata[0].customdata")  # others may be on top
    dashboard.click_point(PLANE, "[gd._fullData[0].x[0], gd._fullData[0].y[0]]")
    chosen = dashboard.region("Chosen point")
    expect(chosen.get_by_role("heading")).to_have_text(f"Test image {index}")
    _, labels = synthetic.generate(TEST_IMAGES, 2)
    expect(chosen).to_contain_text(re.compile(rf"A {labels[index]} read as \d"))
    expect(dashboard.figure("Chosen point")).to_be_visible()


def test_a_lasso_chooses_images_for_every_epoch_and_for_the_gallery(
    dashboard: DashboardPage, cnn_run: str
) -> None:
    open_embedding(dashboard, cnn_run)
    chosen = choose_some(dashboard)
    before = points(dashboard)
    dashboard.epoch_slider.fill("1")
    dashboard.until(lambda: not np.allclose(points(dashboard), before))
    expect_marked(dashboard, chosen)

    dashboard.button("Show them in the gallery").click()
    dashboard.expect_tab("Gallery")
    expect_gallery_of(dashboard, chosen, "after 1 epoch.")
    expect(dashboard.field("Images")).to_be_disabled()
    dashboard.epoch_slider.press("End")
    expect_gallery_of(dashboard, chosen, "after 3 epochs.")

    dashboard.button("Back to all images").click()
    expect(dashboard.caption("Gallery")).to_contain_text("right, after 3 epochs.")
    expect(dashboard.button("Back to all images")).to_have_count(0)
    expect(dashboard.field("Images")).to_be_enabled()
    dashboard.open_tab("Embedding")
    expect_marked(dashboard, [])


def test_a_double_click_lets_the_chosen_ones_go(dashboard: DashboardPage, cnn_run: str) -> None:
    open_embedding(dashboard, cnn_run)
    choose_some(dashboard)
    dashboard.wait_until_quiet()
    dashboard.plot_area(PLANE).dblclick()
    expect_marked(dashboard, [])
    dashboard.open_tab("Gallery")
    expect(dashboard.caption("Gallery")).to_contain_text("right, after 3 epochs.")


def test_the_drawing_is_a_point_among_them(dashboard: DashboardPage, cnn_run: str) -> None:
    dashboard.open_tab("Draw")
    dashboard.button("Clear").click()
    open_embedding(dashboard, cnn_run)
    drawing = dashboard.region(PLANE).get_by_text("your drawing")
    expect(drawing).to_have_count(0)
    dashboard.open_tab("Draw")
    dashboard.draw(SEVEN)
    dashboard.open_tab("Embedding")
    expect(drawing).to_be_visible()
