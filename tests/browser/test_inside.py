"""The Inside tab: it shows what plain torch computes from the weights on disk."""

import re

import numpy as np
import pytest
import torch
from playwright.sync_api import Locator, expect
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F

from core.data import synthetic
from tests.browser.app_server import TEST_IMAGES, AppServer
from tests.browser.dashboard_page import DashboardPage, record_texts

pytestmark = pytest.mark.browser

MEAN, DEVIATION = 0.1307, 0.3081
SEVEN = [(0.25, 0.2), (0.75, 0.2), (0.45, 0.85)]
STEP = "How one number is made"
REASONS = "What the answer rests on"

TRUE_PIXELS = """gd => Array.from(
    gd._fullData[0].z, row => Array.from(row, value => Number.isNaN(value) ? null : value)
)"""


def load_weights(server: AppServer, run_id: str, epoch: int) -> dict[str, Tensor]:
    return load_file(server.runs / run_id / f"{epoch:04d}.safetensors")


def forward(weights: dict[str, Tensor], index: int) -> list[Tensor]:
    """The SpeedrunCNN's way with a test image, written out: image, maps, maps, numbers, scores."""
    images, _ = synthetic.generate(TEST_IMAGES, 2)
    pixels = (torch.from_numpy(images[index]).float() / 255 - MEAN) / DEVIATION
    layers = [pixels[None, None]]
    for name in ("conv1", "conv2"):
        maps = F.conv2d(layers[-1], weights[f"{name}.weight"], weights[f"{name}.bias"])
        layers.append(F.relu(F.max_pool2d(maps, 2)))
    features = F.linear(layers[-1].flatten(1), weights["fc1.weight"], weights["fc1.bias"])
    layers.append(F.relu(features))
    layers.append(F.linear(layers[-1], weights["fc2.weight"], weights["fc2.bias"]))
    return [layer[0] for layer in layers]


def open_inside(dashboard: DashboardPage, run_id: str) -> None:
    """Shows the way of the first test image through a run's last network."""
    dashboard.open_tab("Inside")
    dashboard.field("Test image").check()
    dashboard.field("Number").fill("0")
    dashboard.field("Method").select_option(label="Saliency")
    dashboard.field("Speaks for").select_option(label="the answer")
    dashboard.show_run(run_id)
    expect(caption(dashboard)).to_contain_text("Test image 0, ")


def caption(dashboard: DashboardPage) -> Locator:
    return dashboard.caption("Inside")


def maps_of(dashboard: DashboardPage, region: str, count: int, side: int) -> np.ndarray:
    """The pictures (count, side, side) of a mosaic."""
    cells = np.array(dashboard.figure(region).evaluate(TRUE_PIXELS), float)
    gap = 0 if side == 1 else 1
    columns = (cells.shape[1] + gap) // (side + gap)
    corners = [
        (index // columns * (side + gap), index % columns * (side + gap)) for index in range(count)
    ]
    return np.stack([cells[top : top + side, left : left + side] for top, left in corners])


def expect_layers(dashboard: DashboardPage, layers: list[Tensor]) -> None:
    for name, values in zip(("input", "conv1", "conv2", "fc1", "fc2"), layers, strict=True):
        wanted = values.reshape(len(values), *(values.shape[1:] or (1, 1))).numpy()
        expect_maps(dashboard, f"Layer {name}", wanted)


def expect_maps(dashboard: DashboardPage, region: str, wanted: np.ndarray) -> None:
    """Waits until a mosaic has these pictures (count, side, side)."""
    count, side = len(wanted), wanted.shape[-1]
    dashboard.until(lambda: np.allclose(maps_of(dashboard, region, count, side), wanted, atol=1e-3))


def outlines(dashboard: DashboardPage, layer: str) -> list[str]:
    """The outlines in a layer's maps, as paths."""
    shapes = "(gd._fullLayout.shapes ?? []).map(shape => shape.path)"
    found: list[str] = dashboard.figure_value(f"Layer {layer}", shapes)
    return found


def reasons_picture(dashboard: DashboardPage) -> str:
    """How much each pixel speaks for the answer, for comparisons."""
    pixels = "JSON.stringify(Array.from(gd._fullData[1].z.flat()))"
    return str(dashboard.figure_value(REASONS, pixels))


def test_maps_and_filters_are_what_torch_computes_at_each_epoch(
    dashboard: DashboardPage, server: AppServer, cnn_run: str
) -> None:
    open_inside(dashboard, cnn_run)
    dashboard.field("Number").fill("5")
    dashboard.field("Layer").select_option("conv1")
    expect(caption(dashboard)).to_contain_text("Test image 5, ")
    for epoch, when in ((3, "after 3 epochs"), (0, "before it has learnt anything")):
        dashboard.epoch_slider.fill(str(epoch))
        expect(caption(dashboard)).to_contain_text(when)
        expect(dashboard.region("Layer conv2")).to_contain_text("32 × 5 × 5")
        weights = load_weights(server, cnn_run, epoch)
        layers = forward(weights, 5)
        expect_layers(dashboard, layers)
        expect_maps(dashboard, "Filters", weights["conv1.weight"][:, 0].numpy())
        answer = int(layers[-1].argmax())
        expect(caption(dashboard)).to_contain_text(f"read as {answer} ")
        dashboard.expect_best_digit(dashboard.region("What it says"), answer)


def test_an_answer_that_comes_late_does_not_replace_a_newer_one(
    dashboard: DashboardPage, server: AppServer, cnn_run: str
) -> None:
    open_inside(dashboard, cnn_run)
    held = dashboard.hold_back(
        '"inside-request","property":"data","value":{"source":"test","index":"4",'
    )
    dashboard.field("Number").fill("4")
    dashboard.until(lambda: held)
    dashboard.field("Number").fill("5")
    expect(caption(dashboard)).to_contain_text("Test image 5, ")
    texts = record_texts(caption(dashboard))
    for request in held:
        dashboard.release(request)
    dashboard.field("Number").fill("6")  # what this brings comes after the late answer
    expect(caption(dashboard)).to_contain_text("Test image 6, ")
    assert len(texts()) == 1
    expect_layers(dashboard, forward(load_weights(server, cnn_run, 3), 6))


def test_a_pixel_under_the_pointer_is_explained_and_its_origin_outlined(
    dashboard: DashboardPage, server: AppServer, cnn_run: str
) -> None:
    open_inside(dashboard, cnn_run)
    weights = load_weights(server, cnn_run, 3)
    layers = forward(weights, 0)
    step = dashboard.region(STEP)

    dashboard.hover_point("Layer conv1", "[15, 3]")  # the second map's row 3, column 2
    dashboard.until(lambda: outlines(dashboard, "conv1") == ["M14.5,2.5H15.5V3.5H14.5Z"])
    before_pooling = F.conv2d(layers[0][None], weights["conv1.weight"], weights["conv1.bias"])[0]
    down, across = divmod(int(before_pooling[1, 6:8, 4:6].argmax()), 2)
    top, left = 6 + down - 0.5, 4 + across - 0.5
    assert outlines(dashboard, "input") == [f"M{left},{top}H{left + 5}V{top + 5}H{left}Z"]
    assert outlines(dashboard, "conv2") == []

    dashboard.hover_point("Layer conv2", "[7, 2]")  # the second map's row 2, column 1
    expect(step).to_contain_text(f"conv2, row 2, column 1 of map 1: {layers[2][1, 2, 1]:.3f}")
    expect(dashboard.figure(STEP)).to_be_visible()
    dashboard.until(lambda: len(outlines(dashboard, "conv2")) == 1)
    (paths,) = outlines(dashboard, "conv1")
    assert paths.count("M") == len(layers[1])  # in each map that comes in
    outline_count = len(outlines(dashboard, "input"))

    dashboard.epoch_slider.fill("1")  # the same pixel of another network
    value = forward(load_weights(server, cnn_run, 1), 0)[2][1, 2, 1]
    expect(step).to_contain_text(f"conv2, row 2, column 1 of map 1: {value:.3f}")
    dashboard.until(lambda: len(outlines(dashboard, "input")) == outline_count)

    dashboard.hover_point("Layer input", "[14, 14]")
    expect(step).to_contain_text("Nothing is multiplied in input")
    dashboard.until(lambda: outlines(dashboard, "conv1") == [])


def test_another_kind_of_network_has_other_layers_and_grad_cam_takes_one_of_them(
    dashboard: DashboardPage, mlp_run: str, cnn_run: str
) -> None:
    open_inside(dashboard, mlp_run)
    reasons = dashboard.region(REASONS)
    layer = dashboard.field("On the maps of")
    expect(dashboard.region("Layer fc3")).to_be_visible()
    expect(dashboard.region("Layer conv2")).to_have_count(0)
    dashboard.field("Method").select_option(label="Grad-CAM")
    expect(reasons).to_contain_text("This network has no convolution")
    expect(layer).to_have_count(0)
    dashboard.field("Layer").select_option("fc3")

    dashboard.show_run(cnn_run)
    expect(dashboard.field("Layer")).to_have_value("conv1")  # the first with filters
    expect(dashboard.region("Layer conv2")).to_be_visible()
    expect(dashboard.region("Layer fc3")).to_have_count(0)
    expect(layer).to_have_value("conv2")  # the last
    expect(reasons).to_contain_text("On the maps of conv2.")
    coarse = reasons_picture(dashboard)
    layer.select_option("conv1")
    expect(reasons).to_contain_text("On the maps of conv1.")
    dashboard.until(lambda: reasons_picture(dashboard) != coarse)
    dashboard.epoch_slider.fill("1")
    expect(caption(dashboard)).to_contain_text("after 1 epoch.")
    expect(layer).to_have_value("conv1")
    dashboard.field("Method").select_option(label="Saliency")
    expect(layer).to_have_count(0)


def test_each_method_says_what_it_tells_and_what_it_cannot(
    dashboard: DashboardPage, cnn_run: str
) -> None:
    open_inside(dashboard, cnn_run)
    reasons = dashboard.region(REASONS)
    seen = set()
    for method, source in (
        ("Saliency", "Simonyan"),
        ("Grad-CAM", "Selvaraju"),
        ("Occlusion", "Zeiler"),
        ("Integrated gradients", "Sundararajan"),
    ):
        dashboard.field("Method").select_option(label=method)
        expect(reasons).to_contain_text(source)
        expect(reasons).to_contain_text("What it cannot:")
        seen.add(reasons_picture(dashboard))
    assert len(seen) == 4
    dashboard.field("Speaks for").select_option("3")
    expect(reasons).to_contain_text("Why a 3?")


def test_the_drawing_goes_its_way_through_the_network(
    dashboard: DashboardPage, cnn_run: str
) -> None:
    dashboard.open_tab("Draw")
    dashboard.button("Clear").click()
    open_inside(dashboard, cnn_run)
    dashboard.field("My drawing").check()
    expect(caption(dashboard)).to_contain_text("Nothing is drawn yet")
    dashboard.open_tab("Draw")
    dashboard.draw(SEVEN)
    dashboard.open_tab("Inside")
    sentence = re.compile(r"Your drawing, read as (\d) ")
    expect(caption(dashboard)).to_contain_text(sentence)
    found = sentence.search(caption(dashboard).inner_text())
    assert maps_of(dashboard, "Layer input", 1, 28).max() > 2  # ink
    dashboard.open_tab("Draw")
    dashboard.until(lambda: found and str(dashboard.predicted_digit()) == found[1])


def test_another_wrong_one_is_wrong(dashboard: DashboardPage, untaught_run: str) -> None:
    open_inside(dashboard, untaught_run)
    dashboard.button("Another wrong one").click()
    expect(caption(dashboard)).to_contain_text(re.compile(r"Test image [1-9]\d*, .* wrong"))
    dashboard.field("Number").fill("9.999")
    expect(caption(dashboard)).to_contain_text(f"they have the numbers 0 to {TEST_IMAGES - 1}")
    for unclear in ("-4", "1.5", "9,99"):
        dashboard.field("Number").fill(unclear)
        expect(caption(dashboard)).to_contain_text("a whole number from 0 on")
        dashboard.field("Number").fill("0")
        expect(caption(dashboard)).to_contain_text("Test image 0,")
    dashboard.field("Number").press("ArrowUp")
    expect(caption(dashboard)).to_contain_text("Test image 1,")


def test_it_follows_a_network_that_learns(
    dashboard: DashboardPage, server: AppServer, mlp_run: str
) -> None:
    open_inside(dashboard, mlp_run)
    dashboard.show_newest_run()
    server.start_endless_run(model="speedrun_cnn")
    expect(dashboard.status("State")).to_have_text("Training")
    expect(dashboard.region("Layer conv1")).to_be_visible()
    first = caption(dashboard).inner_text()
    expect(caption(dashboard)).not_to_have_text(first)
    expect(dashboard.status("State")).to_have_text("Training")
