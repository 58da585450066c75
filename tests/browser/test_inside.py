"""The Inside tab: what is shown is what plain torch computes from the weights on disk."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from playwright.sync_api import Locator, expect
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F

from core import synthetic
from tests.browser.app_server import AppServer
from tests.browser.dashboard_page import DashboardPage, record_texts

pytestmark = pytest.mark.browser

MEAN, DEVIATION = 0.1307, 0.3081
SEVEN = [(0.25, 0.2), (0.75, 0.2), (0.45, 0.85)]
STEP = "How one number is made"
REASONS = "What the answer rests on"

TRUE_PIXELS = """gd => Array.from(
    gd._fullData[0].z, row => Array.from(row, value => Number.isNaN(value) ? null : value)
)"""


@pytest.fixture
def cnn(server: AppServer) -> tuple[AppServer, str]:
    """A server whose newest run is a small CNN after 3 epochs."""
    return server, server.train(model="speedrun_cnn")


def weights(server: AppServer, run_id: str, epoch: int) -> dict[str, Tensor]:
    (path,) = Path(server.runs).rglob(f"{run_id}/{epoch:04d}.safetensors")
    return load_file(path)


def forward(weights: dict[str, Tensor], place: int) -> list[Tensor]:
    """The SpeedrunCNN's way with a test image, written out: image, maps, maps, numbers, scores."""
    images, _ = synthetic.generate(TEST_IMAGES, 2)
    pixels = (torch.from_numpy(images[place]).float() / 255 - MEAN) / DEVIATION
    layers = [pixels[None, None]]
    for name in ("conv1", "conv2"):
        maps = F.conv2d(layers[-1], weights[f"{name}.weight"], weights[f"{name}.bias"])
        layers.append(F.relu(F.max_pool2d(maps, 2)))
    features = F.linear(layers[-1].flatten(1), weights["fc1.weight"], weights["fc1.bias"])
    layers.append(F.relu(features))
    layers.append(F.linear(layers[-1], weights["fc2.weight"], weights["fc2.bias"]))
    return [layer[0] for layer in layers]


def inside(dashboard: DashboardPage) -> DashboardPage:
    dashboard.open_tab("Inside")
    return dashboard


def caption(dashboard: DashboardPage) -> Locator:
    return dashboard.page.locator("#inside-caption")


def shown(dashboard: DashboardPage, region: str, channels: int, side: int) -> np.ndarray:
    """The maps (channels, side, side) of a layer out of its mosaic."""
    cells = np.array(dashboard.figure(region).evaluate(TRUE_PIXELS), float)
    gap = 0 if side == 1 else 1
    columns = (cells.shape[1] + gap) // (side + gap)
    return np.stack(
        [
            cells[top : top + side, left : left + side]
            for top, left in (
                (place // columns * (side + gap), place % columns * (side + gap))
                for place in range(channels)
            )
        ]
    )


def expect_maps(dashboard: DashboardPage, layers: list[Tensor]) -> None:
    for name, values in zip(("input", "conv1", "conv2", "fc1", "fc2"), layers, strict=True):
        wanted = values.reshape(len(values), *(values.shape[1:] or (1, 1))).numpy()
        expect_pictures(dashboard, f"Layer {name}", wanted)


def expect_pictures(dashboard: DashboardPage, region: str, wanted: np.ndarray) -> None:
    """Waits until a mosaic has these pictures (n, side, side) in it."""
    count, side = len(wanted), wanted.shape[-1]
    dashboard.until(lambda: np.allclose(shown(dashboard, region, count, side), wanted, atol=1e-3))


def at_pixel(dashboard: DashboardPage, region: str, x: float, y: float) -> None:
    """Moves the pointer over a cell of a mosaic."""
    dashboard.hover_point(region, f"[{x}, {y}]")


def test_before_the_first_run_it_says_what_to_do(visit_untrained: Visit) -> None:
    dashboard = inside(visit_untrained())
    expect(caption(dashboard)).to_contain_text("Press Train first")
    expect(dashboard.region(STEP)).to_contain_text("Point at a pixel")
    guide = dashboard.page.get_by_role("link", name="More in the guide").filter(visible=True)
    expect(guide).to_have_attribute("href", "/guide/#inside")


def test_maps_and_filters_are_what_torch_computes_at_each_epoch(
    dashboard: DashboardPage, cnn: tuple[AppServer, str]
) -> None:
    server, run_id = cnn
    dashboard = inside(visit())
    dashboard.field("Number").fill("5")
    expect(caption(dashboard)).to_contain_text("Test image 5, ")
    expect(caption(dashboard)).to_contain_text("after 3 epochs")
    expect(dashboard.region("Layer conv2")).to_contain_text("32 × 5 × 5")
    layers = forward(weights(server, run_id, 3), 5)
    expect_maps(dashboard, layers)
    answer = int(layers[-1].argmax())
    expect(caption(dashboard)).to_contain_text(f"read as {answer} ")
    expect(dashboard.region("What it says").locator(".bar.best")).to_contain_text(str(answer))
    expect_pictures(dashboard, "Filters", weights(server, run_id, 3)["conv1.weight"][:, 0].numpy())

    dashboard.epoch_slider.fill("0")
    expect(caption(dashboard)).to_contain_text("before it has learnt anything")
    expect_maps(dashboard, forward(weights(server, run_id, 0), 5))
    expect_pictures(dashboard, "Filters", weights(server, run_id, 0)["conv1.weight"][:, 0].numpy())


def test_an_answer_that_comes_late_does_not_replace_a_newer_one(
    dashboard: DashboardPage, cnn: tuple[AppServer, str]
) -> None:
    server, run_id = cnn
    dashboard = visit()
    asked = '"inside-request","property":"data","value":{"source":"test","index":0,'
    held = dashboard.hold_back(asked)
    inside(dashboard)
    dashboard.until(lambda: held)
    dashboard.field("Number").fill("5")
    expect(caption(dashboard)).to_contain_text("Test image 5, ")
    said = record_texts(caption(dashboard))
    for late in held:
        dashboard.release(late)
    dashboard.field("Number").fill("6")  # what this brings comes after the late answer
    expect(caption(dashboard)).to_contain_text("Test image 6, ")
    assert len(said()) == 1
    expect_maps(dashboard, forward(weights(server, run_id, 3), 6))


def test_a_pixel_under_the_pointer_is_explained(
    dashboard: DashboardPage, cnn: tuple[AppServer, str]
) -> None:
    server, run_id = cnn
    dashboard = inside(visit())
    expect(caption(dashboard)).to_contain_text("after 3 epochs")
    at_pixel(dashboard, "Layer conv2", 7, 2)  # the second map's row 2, column 1
    step = dashboard.region(STEP)
    value = float(forward(weights(server, run_id, 3), 0)[2][1, 2, 1])
    expect(step).to_contain_text(f"conv2, row 2, column 1 of map 1: {value:.3f}")
    expect(step.locator(".js-plotly-plot")).to_be_visible()
    before = step.inner_text()
    dashboard.epoch_slider.fill("1")
    dashboard.until(lambda: step.inner_text() != before)
    value = float(forward(weights(server, run_id, 1), 0)[2][1, 2, 1])
    expect(step).to_contain_text(f"conv2, row 2, column 1 of map 1: {value:.3f}")

    at_pixel(dashboard, "Layer input", 14, 14)
    expect(step).to_contain_text("Nothing is multiplied in input")


def outlined(dashboard: DashboardPage, layer: str) -> list[str]:
    """The outlines in a layer's maps, as paths."""
    shapes = "(gd._fullLayout.shapes ?? []).map(shape => shape.path)"
    found: list[str] = dashboard.figure_value(f"Layer {layer}", shapes)
    return found


def test_while_one_points_at_a_pixel_its_origin_is_outlined(
    dashboard: DashboardPage, cnn: tuple[AppServer, str]
) -> None:
    server, run_id = cnn
    dashboard = inside(visit())
    expect(caption(dashboard)).to_contain_text("after 3 epochs")
    at_pixel(dashboard, "Layer conv1", 15, 3)  # the second map's row 3, column 2
    dashboard.until(lambda: outlined(dashboard, "conv1") == ["M14.5,2.5H15.5V3.5H14.5Z"])
    layers = forward(weights(server, run_id, 3), 0)
    kernel = weights(server, run_id, 3)
    before_pooling = F.conv2d(layers[0][None], kernel["conv1.weight"], kernel["conv1.bias"])[0]
    down, across = divmod(int(before_pooling[1, 6:8, 4:6].argmax()), 2)
    top, left = 6 + down - 0.5, 4 + across - 0.5
    assert outlined(dashboard, "input") == [f"M{left},{top}H{left + 5}V{top + 5}H{left}Z"]
    assert outlined(dashboard, "conv2") == []

    at_pixel(dashboard, "Layer conv2", 7, 2)
    dashboard.until(lambda: len(outlined(dashboard, "conv2")) == 1)
    (paths,) = outlined(dashboard, "conv1")
    assert paths.count("M") == len(layers[1])  # in each map that comes in
    outlines = outlined(dashboard, "input")
    dashboard.epoch_slider.fill("1")
    expect(dashboard.region(STEP)).to_contain_text("conv2, row 2, column 1 of map 1")
    dashboard.until(lambda: len(outlined(dashboard, "input")) == len(outlines))

    at_pixel(dashboard, "Layer input", 14, 14)
    dashboard.until(lambda: outlined(dashboard, "conv1") == [])


def test_the_layer_of_grad_cam_can_be_chosen(
    dashboard: DashboardPage, cnn: tuple[AppServer, str]
) -> None:
    dashboard = inside(visit())
    reasons = dashboard.region(REASONS)
    expect(reasons).to_contain_text("What it cannot:")
    expect(dashboard.field("On the maps of")).to_have_count(0)
    dashboard.field("Method").select_option(label="Grad-CAM")
    layer = dashboard.field("On the maps of")
    expect(layer).to_have_value("conv2")  # the last
    expect(reasons).to_contain_text("On the maps of conv2.")
    picture = "JSON.stringify(Array.from(gd._fullData[1].z.flat()))"
    coarse = dashboard.figure_value(REASONS, picture)
    layer.select_option("conv1")
    expect(reasons).to_contain_text("On the maps of conv1.")
    dashboard.until(lambda: dashboard.figure_value(REASONS, picture) != coarse)
    dashboard.epoch_slider.fill("1")
    expect(caption(dashboard)).to_contain_text("after 1 epoch.")
    expect(layer).to_have_value("conv1")


def test_each_method_says_what_it_tells_and_what_it_cannot(
    dashboard: DashboardPage, cnn: tuple[AppServer, str]
) -> None:
    dashboard = inside(visit())
    reasons = dashboard.region(REASONS)
    expect(reasons).to_contain_text("What it cannot:")
    seen = set()
    for method, source in (
        ("Saliency", "Simonyan"),
        ("Grad-CAM", "Selvaraju"),
        ("Occlusion", "Zeiler"),
        ("Integrated gradients", "Sundararajan"),
    ):
        dashboard.field("Method").select_option(label=method)
        expect(reasons).to_contain_text(source)
        seen.add(
            dashboard.figure_value(REASONS, "JSON.stringify(Array.from(gd._fullData[1].z.flat()))")
        )
    assert len(seen) == 4
    dashboard.field("Speaks for").select_option("3")
    expect(reasons).to_contain_text("Why a 3?")


def test_the_drawing_goes_its_way_through_the_network(
    dashboard: DashboardPage, cnn: tuple[AppServer, str]
) -> None:
    dashboard = inside(visit())
    dashboard.field("My drawing").click()
    expect(caption(dashboard)).to_contain_text("Nothing is drawn yet")
    dashboard.open_tab("Draw")
    dashboard.draw(SEVEN)
    dashboard.open_tab("Inside")
    said = re.compile(r"Your drawing, read as (\d) ")
    expect(caption(dashboard)).to_contain_text(said)
    found = said.search(caption(dashboard).inner_text())
    assert shown(dashboard, "Layer input", 1, 28).max() > 2  # ink
    dashboard.open_tab("Draw")
    dashboard.until(lambda: found and str(dashboard.predicted_digit()) == found[1])


def test_another_wrong_one_is_wrong(dashboard: DashboardPage, server: AppServer) -> None:
    server.train(model="speedrun_cnn", learning_rate=1e-6, epochs=1)
    dashboard = inside(visit())
    expect(caption(dashboard)).to_contain_text("Test image 0, ")
    dashboard.button("Another wrong one").click()
    expect(caption(dashboard)).to_contain_text(re.compile(r"Test image [1-9]\d*, .* wrong"))
    dashboard.field("Number").fill("9999")
    expect(caption(dashboard)).to_contain_text(f"they have the numbers 0 to {TEST_IMAGES - 1}")


def test_another_kind_of_network_has_other_layers(
    dashboard: DashboardPage, cnn: tuple[AppServer, str]
) -> None:
    server, _ = cnn
    dashboard = inside(visit())
    expect(dashboard.region("Layer conv2")).to_be_visible()
    server.train(epochs=1)
    expect(dashboard.region("Layer fc3")).to_be_visible()
    expect(dashboard.region("Layer conv2")).to_have_count(0)
    dashboard.field("Method").select_option(label="Grad-CAM")
    expect(dashboard.region(REASONS)).to_contain_text("This network has no convolution")


def test_it_follows_a_network_that_learns(dashboard: DashboardPage, server: AppServer) -> None:
    run_id = server.start_endless_run(model="speedrun_cnn")
    dashboard = inside(visit())
    expect(dashboard.region("Layer conv1")).to_be_visible()
    first = caption(dashboard).inner_text()
    dashboard.until(lambda: caption(dashboard).inner_text() != first)
    expect(dashboard.status("State")).to_have_text("running")
    server.stop_run(run_id)
