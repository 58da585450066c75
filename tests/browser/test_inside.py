"""The Inside tab: it shows what plain torch computes from the weights on disk."""

import base64
import json
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
STEP = "One number, step by step"
REASONS = "Which pixels speak for it?"


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
    dashboard.choose("Test image")
    dashboard.field("Number").fill("0")
    dashboard.field("Explain the score of").select_option(label="the answer")
    dashboard.show_run(run_id)
    expect(caption(dashboard)).to_contain_text("Test image 0, ")


def caption(dashboard: DashboardPage) -> Locator:
    return dashboard.caption("Inside")


def numbers_of(canvas: Locator) -> np.ndarray:
    """The numbers (count, height, width) of a picture."""
    picture = json.loads(canvas.get_attribute("data-picture") or "")
    return np.frombuffer(base64.b64decode(picture["values"]), "<f4").reshape(picture["shape"])


def canvas_of(dashboard: DashboardPage, region: str) -> Locator:
    return dashboard.region(region).locator("canvas")


def expect_layers(dashboard: DashboardPage, layers: list[Tensor]) -> None:
    for name, values in zip(("input", "conv1", "conv2", "fc1", "fc2"), layers, strict=True):
        wanted = values.reshape(len(values), *(values.shape[1:] or (1, 1))).numpy()
        expect_maps(dashboard, f"Layer {name}", wanted)


def expect_maps(dashboard: DashboardPage, region: str, wanted: np.ndarray) -> None:
    """Waits until a picture has these numbers (count, height, width)."""
    canvas = canvas_of(dashboard, region)

    def is_shown() -> bool:
        found = numbers_of(canvas)
        return found.shape == wanted.shape and np.allclose(found, wanted, atol=1e-3)

    dashboard.until(is_shown)


def frames(dashboard: DashboardPage, layer: str) -> list[str]:
    """The yellow frames in a layer's maps, as paths."""
    lines = dashboard.region(f"Layer {layer}").locator(".inside-frames .line")
    path = lines.get_attribute("d") if lines.count() else None
    return [f"M{part}" for part in (path or "").split("M")[1:]]


def reasons_picture(dashboard: DashboardPage, method: str) -> bytes:
    """How much each pixel speaks for the answer, for comparisons."""
    figure = dashboard.region(REASONS).get_by_role("group", name=method)
    return numbers_of(figure.locator("canvas")).tobytes()


def test_maps_and_filters_are_what_torch_computes_at_each_epoch(
    dashboard: DashboardPage, server: AppServer, cnn_run: str
) -> None:
    open_inside(dashboard, cnn_run)
    dashboard.field("Number").fill("5")
    dashboard.field("Layer").select_option("conv1")
    expect(caption(dashboard)).to_contain_text("Test image 5, ")
    for epoch, when in ((3, "after 3 epochs"), (0, "before it has learned anything")):
        dashboard.epoch_slider.fill(str(epoch))
        expect(caption(dashboard)).to_contain_text(when)
        expect(dashboard.region("Layer conv2")).to_contain_text("32 × 5 × 5")
        weights = load_weights(server, cnn_run, epoch)
        layers = forward(weights, 5)
        expect_layers(dashboard, layers)
        expect_maps(dashboard, "Filters", weights["conv1.weight"][:, 0].numpy())
        answer = int(layers[-1].argmax())
        expect(caption(dashboard)).to_contain_text(
            re.compile(rf"(read as {answer},|: {answer} \()")
        )
        dashboard.expect_best_digit(dashboard.region("Layer fc2"), answer)


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


def test_a_number_under_the_pointer_is_explained_and_its_origin_framed(
    dashboard: DashboardPage, server: AppServer, cnn_run: str
) -> None:
    open_inside(dashboard, cnn_run)
    weights = load_weights(server, cnn_run, 3)
    layers = forward(weights, 0)
    step, value = dashboard.region(STEP), dashboard.page.locator("#pixel-value")
    expect(step).to_contain_text("Point at any map")  # the strongest number of the first layer

    dashboard.hover_number("Layer conv1", 1, 3, 2)
    expect(value).to_have_text(f"map 1, row 3, column 2: {words(layers[1][1, 3, 2])}")
    dashboard.until(lambda: frames(dashboard, "conv1") == ["M15,3H16V4H15Z"])  # 4 x 6 maps, gap 1
    before_pooling = F.conv2d(layers[0][None], weights["conv1.weight"], weights["conv1.bias"])[0]
    down, across = divmod(int(before_pooling[1, 6:8, 4:6].argmax()), 2)
    top, left = 6 + down, 4 + across
    assert frames(dashboard, "input") == [f"M{left},{top}H{left + 5}V{top + 5}H{left}Z"]
    assert frames(dashboard, "conv2") == []
    patch = step.get_by_role("img", name="Patch")
    found = [float(text.replace("−", "-")) for text in patch.locator("span").all_inner_texts()]
    wanted = layers[0][0, top : top + 5, left : left + 5].flatten().tolist()
    assert found == pytest.approx(wanted, abs=0.051)

    dashboard.hover_number("Layer conv2", 1, 2, 1)
    expect(step).to_contain_text("conv2, map 1, row 2, column 1.")
    expect(step).to_contain_text("Those of all maps add up to")
    dashboard.until(lambda: len(frames(dashboard, "conv1")) == len(layers[1]))  # all that come in
    assert len(frames(dashboard, "conv2")) == 1
    canvas_of(dashboard, "Layer conv2").focus()
    dashboard.page.keyboard.press("ArrowRight")
    dashboard.page.keyboard.press("ArrowUp")
    expect(value).to_have_text(f"map 1, row 1, column 2: {words(layers[2][1, 1, 2])}")
    expect(step).to_contain_text("conv2, map 1, row 1, column 2.")
    before = step.text_content() or ""

    dashboard.epoch_slider.fill("1")  # the same number of another network
    expect(step).not_to_have_text(before)
    expect(step).to_contain_text("conv2, map 1, row 1, column 2.")
    assert len(frames(dashboard, "conv2")) == 1

    dashboard.hover_number("Layer input", 0, 14, 14)
    expect(step).to_contain_text("Nothing is multiplied in input")
    dashboard.until(lambda: frames(dashboard, "conv1") == [])


def words(value: Tensor) -> str:
    return f"{float(value):.3f}".replace("-", "−")


def test_another_kind_of_network_has_other_layers_and_grad_cam_takes_one_of_them(
    dashboard: DashboardPage, mlp_run: str, cnn_run: str
) -> None:
    open_inside(dashboard, mlp_run)
    reasons = dashboard.region(REASONS)
    layer = dashboard.field("Grad-CAM on the maps of")
    expect(dashboard.region("Layer fc3")).to_be_visible()
    expect(dashboard.region("Layer conv2")).to_have_count(0)
    expect(reasons).to_contain_text("This network has no convolution")
    expect(layer).to_have_count(0)
    dashboard.field("Layer").select_option("fc3")

    dashboard.show_run(cnn_run)
    expect(dashboard.field("Layer")).to_have_value("conv1")  # the first with filters
    expect(dashboard.region("Layer conv2")).to_be_visible()
    expect(dashboard.region("Layer fc3")).to_have_count(0)
    expect(layer).to_have_value("conv2")  # the last
    coarse = reasons_picture(dashboard, "Grad-CAM")
    layer.select_option("conv1")
    dashboard.until(lambda: reasons_picture(dashboard, "Grad-CAM") != coarse)
    dashboard.epoch_slider.fill("1")
    expect(caption(dashboard)).to_contain_text("after 1 epoch.")
    expect(layer).to_have_value("conv1")


def test_each_method_says_what_it_shows_and_its_blind_spot(
    dashboard: DashboardPage, cnn_run: str
) -> None:
    open_inside(dashboard, cnn_run)
    reasons = dashboard.region(REASONS)
    methods = ("Saliency", "Grad-CAM", "Occlusion", "Integrated gradients")
    for method in methods:
        figure = reasons.get_by_role("group", name=method)
        expect(figure).to_contain_text("Shows ")
        expect(figure).to_contain_text("Blind spot ")
    before = [reasons_picture(dashboard, method) for method in methods]
    assert len(set(before)) == 4
    dashboard.field("Explain the score of").select_option("3")
    expect(reasons.get_by_role("heading")).to_have_text("Which pixels speak for 3?")
    dashboard.until(lambda: reasons_picture(dashboard, "Saliency") != before[0])


def test_the_drawing_goes_its_way_through_the_network(
    dashboard: DashboardPage, cnn_run: str
) -> None:
    dashboard.open_tab("Draw")
    dashboard.button("Clear").click()
    open_inside(dashboard, cnn_run)
    dashboard.choose("My drawing")
    expect(caption(dashboard)).to_contain_text("Nothing is drawn yet")
    dashboard.open_tab("Draw")
    dashboard.draw(SEVEN)
    dashboard.open_tab("Inside")
    sentence = re.compile(r"Your drawing(?:, read as |.* looks like no |[^:]*: )(\d)")
    expect(caption(dashboard)).to_contain_text(sentence)
    found = sentence.search(caption(dashboard).inner_text())
    assert numbers_of(canvas_of(dashboard, "Layer input")).max() > 2  # ink
    is_unsure = "Not sure" in caption(dashboard).inner_text()
    dashboard.open_tab("Draw")
    dashboard.until(lambda: found and str(dashboard.predicted_digit()) == found[1])
    assert ("Not sure" in dashboard.draw_answer()) == is_unsure


def test_a_number_a_misread_image_and_the_next_are_chosen(
    dashboard: DashboardPage, untaught_run: str
) -> None:
    open_inside(dashboard, untaught_run)
    dashboard.button("A misread one").click()
    expect(caption(dashboard)).to_contain_text(re.compile(r"Test image [1-9]\d*, a \d"))
    expect(dashboard.field("Number")).not_to_have_value("0")
    dashboard.field("Number").fill("9.999")
    expect(caption(dashboard)).to_contain_text(f"they have the numbers 0 to {TEST_IMAGES - 1}")
    dashboard.field("Number").fill("four")
    expect(caption(dashboard)).to_contain_text("a whole number from 0 on")
    dashboard.field("Number").fill("0")
    expect(caption(dashboard)).to_contain_text("Test image 0,")
    dashboard.field("Number").press("ArrowUp")
    expect(caption(dashboard)).to_contain_text("Test image 1,")
    dashboard.button("Next test image").click()
    expect(caption(dashboard)).to_contain_text("Test image 2,")
    dashboard.button("Previous test image").click()
    expect(caption(dashboard)).to_contain_text("Test image 1,")


def test_a_number_that_is_typed_while_another_is_looked_for_stays(
    dashboard: DashboardPage, untaught_run: str
) -> None:
    open_inside(dashboard, untaught_run)
    held = dashboard.hold_back("inside-found")
    dashboard.button("A misread one").click()
    dashboard.until(lambda: held)
    dashboard.field("Number").fill("0007")
    dashboard.stop_holding()
    expect(caption(dashboard)).to_contain_text(re.compile(r"Test image 7\b"))
    expect(dashboard.field("Number")).to_have_value("0007")


def test_other_views_and_links_open_it_at_a_test_image(
    dashboard: DashboardPage, cnn_run: str
) -> None:
    open_inside(dashboard, cnn_run)
    dashboard.choose("My drawing")
    dashboard.open_tab("Train")
    dashboard.wait_until_quiet()
    look = dashboard.region("The network").get_by_role("button", name="Look inside")
    image = look.get_attribute("data-look-inside")
    look.click()
    dashboard.expect_tab("Inside")
    expect(caption(dashboard)).to_contain_text(f"Test image {image},")
    dashboard.load("?tab=inside&image=9")
    expect(caption(dashboard)).to_contain_text("Test image 9,")


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
