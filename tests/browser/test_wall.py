"""The wall of test digits, the large number and the drawn network of the Train tab."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import WebSocket, expect

from tests.browser.app_server import TEST_IMAGES, AppServer
from tests.browser.dashboard_page import DashboardPage, record_texts

pytestmark = pytest.mark.browser

UNREAD = [f"a {digit}" for digit in range(10)] * 6


def labels_of(digits: str) -> list[str]:
    """The names of the tiles whose images are read as these digits."""
    return [
        name if name.endswith(read) else f"{name}, read as {read}"
        for name, read in zip(UNREAD, digits, strict=True)
    ]


def right_in(digits: str) -> int:
    return sum(name in UNREAD for name in labels_of(digits))


def test_the_wall_and_the_number_tell_what_the_shown_network_reads(
    dashboard: DashboardPage, server: AppServer, untaught_run: str
) -> None:
    dashboard.open_tab("Train")
    dashboard.show_run(untaught_run)
    told = server.get(f"/api/runs/{untaught_run}/preview")["current"]
    dashboard.until(lambda: dashboard.wall_labels() == labels_of(told["digits"]))
    right, share = right_in(told["digits"]), told["accuracy"]
    assert right < 60
    expect(dashboard.wall_score).to_have_text(f"{right} of 60 right")
    group = dashboard.page.get_by_role(
        "group", name=re.compile(f"^{right} of 60 right. Misread: a ")
    )
    expect(group).to_be_visible()
    expect(dashboard.number).to_have_text(f"{100 * share:.2f}\u202f%", use_inner_text=True)
    caption = f"of {TEST_IMAGES} test digits read right"
    expect(dashboard.text(caption, exact=True)).to_be_visible()
    frames = server.get(f"/api/runs/{untaught_run}/preview/frames")["frames"]
    expect(dashboard.button("Watch again")).to_have_count(int(len(frames) > 1))

    # One of the digits is in the order of the Tab key; arrow keys go to the others.
    first, other = dashboard.wall_tiles.nth(0), dashboard.wall_tiles.nth(11)
    first.focus()
    for key in ("ArrowLeft", "ArrowDown", "ArrowRight"):
        dashboard.page.keyboard.press(key)
    expect(other).to_be_focused()
    expect(dashboard.page.locator("#wall-tiles > [tabindex='0']")).to_have_count(1)

    network = dashboard.region("The network")
    expect(network).to_contain_text("MLP, what it makes of one test digit")
    expect(network.locator("img").filter(visible=True)).to_have_count(3)  # input, fc1, fc2
    shown = int(network.get_by_role("button", name="Look inside").get_attribute("data-look-inside"))
    told = server.get(f"/api/runs/{untaught_run}/activations?image={shown}")
    assert told["label"] == 4
    best = max(range(10), key=told["probabilities"].__getitem__)
    expect(network.get_by_role("img", name=f"Reads a {best}, ")).to_be_visible()

    dashboard.epoch_slider.press("Home")
    dashboard.until(lambda: dashboard.wall_labels() == UNREAD)
    expect(dashboard.wall_score).to_contain_text("every weight is random")
    expect(network).to_contain_text("untrained: every weight is random")
    dashboard.epoch_slider.press("End")
    expect(dashboard.wall_score).to_have_text(f"{right} of 60 right")

    for sample in (1, 2):
        if sample == 1:
            dashboard.button("Other digits").click()
        else:
            dashboard.page.keyboard.press("n")
        told = server.get(f"/api/runs/{untaught_run}/preview?sample={sample}")
        dashboard.until(lambda told=told: dashboard.wall_images() == told["images"])
        assert dashboard.wall_labels() == labels_of(told["current"]["digits"])
    expect(dashboard.number).to_have_text(f"{100 * share:.2f}\u202f%", use_inner_text=True)

    misread = round((1 - share) * TEST_IMAGES)
    dashboard.button(f"See all {misread} it misreads").click()
    dashboard.expect_tab("Mistakes")


def test_while_a_run_trains_the_wall_follows_but_only_in_sight(
    dashboard: DashboardPage, server: AppServer
) -> None:
    dashboard.open_tab("Train")
    run_id = server.start_endless_run()
    news = dashboard.page.locator("#number-news")
    expect(news).to_have_text(re.compile(r"^After epoch \d+: [\d.]+\u202f% of the test digits"))
    network = dashboard.region("The network")
    expect(network).to_contain_text("right now")
    with server.training_held():

        def follows() -> bool:
            frame = server.service.runs.newest_preview(run_id)
            return frame is not None and dashboard.wall_labels() == labels_of(frame.digits)

        dashboard.until(follows)

    places: list[Any] = []

    def follow(socket: WebSocket) -> None:
        socket.on("framesent", lambda text: places.append(json.loads(text)))

    dashboard.page.on("websocket", follow)
    dashboard.open_tab("Curves")
    dashboard.until(lambda: places)
    assert [place["wants"] for place in places] == [[]]
    dashboard.open_tab("Train")
    dashboard.until(lambda: len(places) > 1)
    assert places[1]["wants"] == ["preview"]
    dashboard.page.remove_listener("websocket", follow)

    # In mid-epoch the server has another network than the one that is shown.
    dashboard.button("Pause").click()
    expect(dashboard.status("State")).to_have_text("Paused")
    expect(dashboard.button("Watch again")).to_be_visible()
    expect(dashboard.button("Other digits")).to_have_count(0)
    images, labels = dashboard.wall_images(), dashboard.wall_labels()
    dashboard.page.keyboard.press("n")
    dashboard.wait_until_quiet()
    assert (dashboard.wall_images(), dashboard.wall_labels()) == (images, labels)


def test_a_run_that_was_watched_can_be_watched_again_after_a_reload(
    dashboard: DashboardPage, server: AppServer
) -> None:
    dashboard.open_tab("Train")
    expect(dashboard.page.locator("#wall-tiles")).to_have_attribute("style", re.compile("sprite"))
    dashboard.expect_connection("open")
    run_id = server.train(epochs=2)
    expect(dashboard.status("State")).to_have_text("Done")
    dashboard.reload()
    frames = server.get(f"/api/runs/{run_id}/preview/frames")["frames"]
    dashboard.button("Other digits").click()
    first = server.get(f"/api/runs/{run_id}/preview")["images"]
    dashboard.until(lambda: dashboard.wall_images() != first)
    dashboard.button("Watch again").click()  # of the digits that training read
    texts = record_texts(dashboard.wall_score)
    expect(dashboard.button("Skip")).to_be_visible()
    expect(dashboard.button("Watch again")).to_be_visible()
    assert dashboard.wall_images() == first
    steps = [
        int(match[1]) for text in texts() if (match := re.search(r"after (\d+) batches", text))
    ]
    assert steps == sorted(steps)
    assert steps[-1] == frames[-1]["step"] == 40
    expect(dashboard.wall_score).to_have_text(f"{right_in(frames[-1]['digits'])} of 60 right")

    path = f"**/api/runs/{run_id}/preview/frames"
    dashboard.page.route(path, lambda route: route.abort(), times=1)
    dashboard.button("Watch again").click()
    expect(dashboard.notice).to_contain_text("Digit Lab does not answer")
    dashboard.button("Watch again").click()
    expect(dashboard.button("Skip")).to_be_visible()
    expect(dashboard.notice).to_be_hidden()
    dashboard.problems.clear()  # the browser's own, about the request that failed
