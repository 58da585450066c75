"""The Embedding tab: the test images in a plane, a click shows one, the drawing is among them."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect
from safetensors.torch import load_file

from core import embedding, synthetic
from core.inside import Network
from dashboard.tabs.gallery import MOST_CHOSEN
from tests.browser.app_server import AppServer
from tests.browser.dashboard_page import DashboardPage

pytestmark = pytest.mark.browser

PLANE = "Test images in a plane"
SEVEN = [(0.25, 0.2), (0.75, 0.2), (0.45, 0.85)]
POINTS = """gd => gd._fullData.slice(0, 10).flatMap(trace =>
    Array.from(trace.customdata, (place, i) => [place, trace.x[i], trace.y[i]]))"""


@pytest.fixture
def cnn(server: AppServer) -> tuple[AppServer, str]:
    return server, server.train(model="speedrun_cnn")


def in_plane(dashboard: DashboardPage) -> DashboardPage:
    dashboard.open_tab("Embedding")
    return dashboard


def points(dashboard: DashboardPage) -> np.ndarray:
    """Where the test images stand, (N, 2), in their order."""
    found = np.array(dashboard.figure(PLANE).evaluate(POINTS), float)
    return found[found[:, 0].argsort()][:, 1:]


def test_before_the_first_run_it_says_what_to_do(visit_untrained: Visit) -> None:
    dashboard = in_plane(visit_untrained())
    expect(dashboard.region(PLANE)).to_contain_text("Press Train first")


def test_pca_is_that_of_the_weights_on_disk_and_follows_the_scrubber(
    dashboard: DashboardPage, cnn: tuple[AppServer, str]
) -> None:
    server, run_id = cnn
    dashboard = in_plane(visit())
    said = dashboard.page.get_by_text(
        re.compile(rf"^{TEST_IMAGES} test images, \d+ of them misread")
    )
    expect(said).to_be_visible()
    (path,) = Path(server.runs).rglob(f"{run_id}/0003.safetensors")
    images, _ = synthetic.generate(TEST_IMAGES, 2)
    features = Network("speedrun_cnn", load_file(path)).features(images)
    assert features is not None
    # Turned as the plane before it was: what is far apart stays as far.
    wanted = np.linalg.norm(embedding.pca(features).points, axis=1)
    dashboard.until(
        lambda: np.allclose(np.linalg.norm(points(dashboard), axis=1), wanted, rtol=1e-2, atol=1e-2)
    )
    dashboard.epoch_slider.fill("0")
    dashboard.until(
        lambda: not np.allclose(np.linalg.norm(points(dashboard), axis=1), wanted, rtol=0.1)
    )


def test_tsne_comes_after_a_while(dashboard: DashboardPage, cnn: tuple[AppServer, str]) -> None:
    dashboard = in_plane(visit())
    dashboard.field("t-SNE").click()
    expect(dashboard.page.get_by_text("Who is whose neighbour counts")).to_be_visible()
    assert points(dashboard).shape == (TEST_IMAGES, 2)
    dashboard.field("PCA").click()
    expect(dashboard.page.get_by_text("of the features' variance")).to_be_visible()


def test_a_click_on_a_point_shows_its_image(
    dashboard: DashboardPage, cnn: tuple[AppServer, str]
) -> None:
    dashboard = in_plane(visit())
    expect(dashboard.page.get_by_text("of the features' variance")).to_be_visible()
    dashboard.until(lambda: dashboard.figure_value(PLANE, "gd._fullData.length") >= 10)
    dashboard.click_point(PLANE, "[gd._fullData[0].x[0], gd._fullData[0].y[0]]")
    chosen = dashboard.region("Chosen point")
    expect(chosen.get_by_role("heading")).to_have_text(re.compile(r"^Test image \d+$"))
    expect(chosen).to_contain_text(re.compile(r"A \d read as \d"))


def lasso(dashboard: DashboardPage) -> list[int]:
    """Draws a lasso around the left part of the plane; the images that are in it."""
    dashboard.figure(PLANE).scroll_into_view_if_needed()
    found: dict[str, Any] = dashboard.figure_value(
        PLANE,
        """(() => {
            const {x, y, width, height} = gd.querySelector(".nsewdrag").getBoundingClientRect();
            const {xaxis} = gd._fullLayout;
            const points = gd._fullData.slice(0, 10).flatMap(trace => Array.from(
                trace.customdata, (place, i) => [place, xaxis.d2p(trace.x[i])]));
            return {x, y, width, height, points};
        })()""",
    )
    across = np.sort([x for _, x in found["points"]])[60:121]
    gap = int(np.diff(across).argmax())  # no point may lie on the line
    edge = float(across[gap : gap + 2].mean())
    west, north = found["x"] + 2, found["y"] + 2
    east, south = found["x"] + edge, found["y"] + found["height"] - 2
    mouse = dashboard.page.mouse
    mouse.move(west, north)
    mouse.down()
    for corner in ((east, north), (east, south), (west, south), (west, north)):
        mouse.move(*corner, steps=8)
    mouse.up()
    return [int(place) for place, x in found["points"] if x < edge]


def choose_some(dashboard: DashboardPage) -> list[int]:
    """Goes to the plane and puts a lasso around some of the images: their places."""
    in_plane(dashboard)
    expect(dashboard.page.get_by_text("of the features' variance")).to_be_visible()
    dashboard.until(lambda: dashboard.figure_value(PLANE, "gd._fullData.length") >= 10)
    chosen: list[int] = []

    def are_chosen() -> bool:  # a plane that is painted anew meanwhile ends the drag
        nonlocal chosen
        chosen = lasso(dashboard)
        return marked(dashboard) == set(chosen)

    dashboard.until(are_chosen)
    assert 1 < len(chosen) < TEST_IMAGES
    expect(dashboard.page.get_by_text(f"{len(chosen)} images chosen.")).to_be_visible()
    return chosen


def test_a_lasso_sends_the_chosen_ones_to_the_gallery(
    dashboard: DashboardPage, cnn: tuple[AppServer, str]
) -> None:
    dashboard = visit()
    chosen = choose_some(dashboard)
    dashboard.button("Show them in the gallery").click()
    dashboard.expect_tab("Gallery")
    expect_chosen(dashboard, chosen, "after 3 epochs.")
    expect(dashboard.field("Images")).to_be_disabled()

    dashboard.epoch_slider.fill("1")
    expect_chosen(dashboard, chosen, "after 1 epoch.")
    dashboard.epoch_slider.press("End")  # as the plane was when it was left
    expect_chosen(dashboard, chosen, "after 3 epochs.")

    dashboard.button("Back to all images").click()
    expect(dashboard.page.get_by_text("of 20 right, after 3 epochs.")).to_be_visible()
    expect(dashboard.button("Back to all images")).to_have_count(0)
    in_plane(dashboard)
    expect(dashboard.page.get_by_text("images chosen.")).to_have_count(0)
    dashboard.until(lambda: marked(dashboard) == set())


def expect_chosen(dashboard: DashboardPage, chosen: list[int], when: str) -> None:
    """The gallery shows exactly these images, in their order, as they were read then."""
    said = dashboard.page.locator("#gallery-caption")
    expect(said).to_contain_text(f"{len(chosen)} images chosen in the embedding")
    expect(said).to_contain_text(when)
    shown = chosen[:MOST_CHOSEN]
    titles = dashboard.region("Test images").locator("text").filter(has_text="True:")
    expect(titles).to_have_count(len(shown))
    _, labels = synthetic.generate(TEST_IMAGES, 2)
    wanted = [f"True: {labels[place]}" for place in shown]
    dashboard.until(lambda: [text[:7] for text in titles.all_text_contents()] == wanted)


def test_lassoed_images_stay_marked_in_other_epochs(
    dashboard: DashboardPage, cnn: tuple[AppServer, str]
) -> None:
    dashboard = visit()
    chosen = choose_some(dashboard)
    before = points(dashboard)
    dashboard.epoch_slider.fill("1")
    dashboard.until(lambda: not np.allclose(points(dashboard), before))
    dashboard.until(lambda: marked(dashboard) == set(chosen))
    expect(dashboard.page.get_by_text(f"{len(chosen)} images chosen.")).to_be_visible()


def test_a_double_click_lets_the_chosen_ones_go(
    dashboard: DashboardPage, cnn: tuple[AppServer, str]
) -> None:
    dashboard = visit()
    choose_some(dashboard)
    dashboard.figure(PLANE).locator(".nsewdrag").dblclick()
    expect(dashboard.page.get_by_text("images chosen.")).to_have_count(0)
    expect(dashboard.button("Show them in the gallery")).to_have_count(0)
    dashboard.until(lambda: marked(dashboard) == set())
    dashboard.open_tab("Gallery")
    expect(dashboard.page.get_by_text("of 20 right")).to_be_visible()


def marked(dashboard: DashboardPage) -> set[int]:
    """The images whose points are shown as chosen."""
    found = dashboard.figure_value(
        PLANE,
        """gd._fullData.slice(0, 10).flatMap(
            trace => Array.from(trace.selectedpoints ?? [], point => trace.customdata[point]))""",
    )
    return set(found)


def test_the_drawing_is_a_point_among_them(
    dashboard: DashboardPage, cnn: tuple[AppServer, str]
) -> None:
    dashboard = visit()
    dashboard.open_tab("Draw")
    dashboard.draw(SEVEN)
    in_plane(dashboard)
    expect(dashboard.region(PLANE).get_by_text("your drawing")).to_be_visible()
