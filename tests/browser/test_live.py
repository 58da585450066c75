"""How an open page follows its server: what gets lost, what comes back, and what it says."""

import time

import pytest
from playwright.sync_api import Request, Route, WebSocket, expect

from dashboard.live import endpoint
from tests.browser.app_server import AppServer
from tests.browser.conftest import OpenPage
from tests.browser.dashboard_page import DashboardPage

pytestmark = pytest.mark.browser

LIVE = "Live loss"

_BLOCK_SOCKETS = """() => {
    // As behind a proxy that refuses them.
    window.RealWebSocket = window.WebSocket;
    window.WebSocket = class {
        constructor() { setTimeout(() => this.onclose({ code: 1006 })); }
        close() {}
    };
    document.dispatchEvent(new Event("visibilitychange")); // connects again
}"""
_ALLOW_SOCKETS = """() => {
    window.WebSocket = window.RealWebSocket;
    document.dispatchEvent(new Event("visibilitychange"));
}"""
_KEEP_BUSY = """() => {
    // The page does nothing else for a while.
    const end = performance.now() + 1500;
    while (performance.now() < end);
}"""


def shown_losses(dashboard: DashboardPage) -> list[float]:
    found: list[float] = dashboard.figure_value(LIVE, "Array.from(gd.data?.[0]?.y ?? [])")
    return found


def losses(server: AppServer, run_id: str) -> list[float]:
    return [event["loss"] for event in server.events(run_id, "batch")]


def test_a_page_that_may_not_open_a_socket_asks_now_and_then(
    dashboard: DashboardPage, server: AppServer
) -> None:
    dashboard.open_tab("Train")
    dashboard.page.evaluate(_BLOCK_SOCKETS)
    run_id = server.train(epochs=2)
    expect(dashboard.status("State")).to_have_text("Done")
    dashboard.until(lambda: shown_losses(dashboard) == losses(server, run_id))
    expect(dashboard.notice).to_be_hidden()
    dashboard.page.evaluate(_ALLOW_SOCKETS)
    run_id = server.train(epochs=1)
    dashboard.until(lambda: shown_losses(dashboard) == losses(server, run_id))


def test_a_page_too_many_says_so_and_asks_once_a_second(
    open_page: OpenPage, server: AppServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    dashboard = open_page()
    dashboard.page.clock.install()
    monkeypatch.setattr(endpoint, "MAX_PAGES", 0)
    sockets: list[WebSocket] = []
    asked: list[float] = []

    def note(request: Request) -> None:
        if "/api/live?" in request.url:
            asked.append(time.monotonic())

    dashboard.page.on("request", note)
    dashboard.page.on("websocket", lambda socket: sockets.append(socket))
    dashboard.page.evaluate('document.dispatchEvent(new Event("visibilitychange"))')
    expect(dashboard.notice).to_contain_text("At most 0 pages can follow at once.")
    run_id = server.train(epochs=1)
    dashboard.until(lambda: shown_losses(dashboard) == losses(server, run_id))
    dashboard.until(lambda: len(asked) > 3)
    assert asked[3] - asked[0] > 2.7
    assert len(sockets) == 1
    monkeypatch.undo()
    # After ten times it tries again.
    while len(sockets) == 1:
        dashboard.page.clock.fast_forward(1000)
        dashboard.page.wait_for_timeout(50)
    expect(dashboard.notice).to_be_hidden()
    assert len(asked) >= 10


def test_a_hidden_page_hears_nothing_and_catches_up_when_it_is_seen(
    dashboard: DashboardPage, server: AppServer
) -> None:
    dashboard.open_tab("Train")
    run_id = server.start_endless_run()
    dashboard.until(lambda: shown_losses(dashboard))
    dashboard.set_hidden(True)
    dashboard.wait_until_quiet()
    known = dashboard.point_count(LIVE)
    epoch = dashboard.status("Epoch").inner_text()
    dashboard.until(lambda: len(losses(server, run_id)) > known + 20)
    assert dashboard.status("Epoch").inner_text() == epoch
    dashboard.set_hidden(False)
    with server.training_held():
        dashboard.until(lambda: shown_losses(dashboard) == losses(server, run_id))


def test_the_answer_about_a_run_that_was_chosen_before_does_not_count(
    dashboard: DashboardPage, server: AppServer, mlp_run: str, cnn_run: str
) -> None:
    dashboard.open_tab("Train")
    dashboard.show_run(cnn_run)
    held: list[Route] = []

    def hold_first(route: Route) -> None:
        if held:
            route.fallback()
        else:
            held.append(route)

    dashboard.page.route(f"**/api/live?*run={mlp_run}*", hold_first)
    dashboard.choose_run(mlp_run)
    dashboard.until(lambda: held)
    dashboard.choose_run(cnn_run)
    dashboard.release(held[0])
    dashboard.wait_until_quiet()
    assert shown_losses(dashboard) == losses(server, cnn_run)
    assert dashboard.run_picker.input_value() == cnn_run


def test_a_first_answer_that_never_comes_is_asked_for_anew(
    dashboard: DashboardPage, server: AppServer, mlp_run: str, cnn_run: str
) -> None:
    dashboard.open_tab("Train")
    dashboard.show_run(cnn_run)
    # As after half a minute.
    dashboard.page.evaluate("""() => {
        const { timeout } = AbortSignal;
        AbortSignal.timeout = () => timeout.call(AbortSignal, 500);
    }""")
    held: list[Route] = []
    # The first answer hangs, as after a change of networks.
    address = f"**/api/live?*run={mlp_run}*"
    dashboard.page.route(address, lambda route: held.append(route), times=1)
    dashboard.choose_run(mlp_run)
    dashboard.until(lambda: held)
    dashboard.until(lambda: shown_losses(dashboard) == losses(server, mlp_run))
    expect(dashboard.notice).to_be_hidden()


def test_a_run_that_cannot_be_read_is_explained_and_does_not_end_the_stream(
    dashboard: DashboardPage,
    server: AppServer,
    mlp_run: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dashboard.open_tab("Train")
    run_id = server.train(epochs=1)
    dashboard.show_run(mlp_run)
    read = server.service.runs.events_since

    def fail(wanted: str, cursor: int) -> object:
        if wanted == run_id:
            raise OSError("the file is damaged")
        return read(wanted, cursor)

    monkeypatch.setattr(server.service.runs, "events_since", fail)
    dashboard.show_run(run_id)
    expect(dashboard.notice).to_contain_text("This run cannot be shown completely: the file is")
    dashboard.show_run(mlp_run)
    expect(dashboard.notice).to_be_hidden()
    dashboard.until(lambda: shown_losses(dashboard) == losses(server, mlp_run))


def test_no_row_of_the_runs_table_is_lost_while_the_page_is_busy(
    dashboard: DashboardPage, server: AppServer
) -> None:
    dashboard.open_tab("Runs")
    table = dashboard.region("All runs")
    names = [f"Made while busy {number}" for number in range(3)]
    dashboard.page.evaluate(f"setTimeout({_KEEP_BUSY})")
    for name in names:
        server.train(epochs=1, train_images=50, name=name)
    for name in names:
        row = table.get_by_role("row").filter(has=dashboard.page.get_by_text(name, exact=True))
        expect(row).to_contain_text("done")


def test_a_page_of_an_earlier_version_offers_to_load_itself_anew(
    dashboard: DashboardPage, server: AppServer
) -> None:
    shell = dashboard.page.locator(".shell")
    version = shell.get_attribute("data-protocol")
    shell.evaluate("shell => { shell.dataset.protocol = '0'; }")
    server.train(epochs=1, train_images=50)
    expect(dashboard.notice).to_contain_text("Digit Lab has a new version.")
    expect(dashboard.button("Reload")).to_be_visible()
    shell.evaluate("(shell, version) => { shell.dataset.protocol = version; }", version)
    server.train(epochs=1, train_images=50)
    expect(dashboard.notice).to_be_hidden()
