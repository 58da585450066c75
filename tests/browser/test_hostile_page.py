"""A page of another site, open in the browser of somebody who is signed in: it reads nothing and
changes nothing.

It is at the same address and another port: browsers send it the cookies of Digit Lab, as they do
for no other site. What is refused here is refused there.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.browser.app_server import AppServer
from tests.browser.conftest import CONTEXT, MakeServer

pytestmark = pytest.mark.browser

TOKEN = "a-token-of-the-class"
NOTHING = "nothing"

ATTACK = """async ({url, run}) => {
    // What each way brings: "nothing", or what was read.
    const limited = promise => Promise.race(
        [promise, new Promise(done => setTimeout(done, 3000, "nothing"))]);
    const reads = async (path, options) => {
        try {
            const answer = await fetch(url + path, options);
            return answer.type === "opaque" || answer.status >= 400
                ? "nothing" : await answer.text();
        } catch { return "nothing"; }
    };
    const element = (name, properties) => limited(new Promise(done => {
        const made = document.createElement(name);
        made.onload = () => done(`${name} loaded`);
        made.onerror = () => done("nothing");
        Object.assign(made, properties);
        document.body.append(made);
    }));
    const found = {};
    const json = {"Content-Type": "application/json"};
    const settings = JSON.stringify({epochs: 1, model: "mlp"});
    for (const credentials of ["omit", "include"]) {
        for (const path of ["/", "/api/runs", `/api/runs/${run}`, "/_dash-layout", "/guide/"]) {
            found[`fetch ${path} ${credentials}`] = await reads(path, {credentials});
            found[`fetch opaque ${path}`] = await reads(path, {credentials, mode: "no-cors"});
        }
        const write = {method: "POST", credentials, body: settings};
        found[`simple write ${credentials}`] =
            await reads("/api/runs", {...write, mode: "no-cors"});
        found[`cors write ${credentials}`] = await reads("/api/runs", {...write, headers: json});
        found[`delete ${credentials}`] =
            await reads(`/api/runs/${run}`, {method: "DELETE", credentials});
        found[`teach ${credentials}`] = await reads(
            "/api/handwriting/teach", {method: "POST", credentials, mode: "no-cors"});
        found[`page header ${credentials}`] = await reads(
            "/api/live", {credentials, headers: {"X-Page-Origin": url}});
    }
    const frame = document.createElement("iframe");
    frame.name = "sink";
    document.body.append(frame);
    for (const enctype of ["text/plain", "application/x-www-form-urlencoded"]) {
        const form = document.createElement("form");
        Object.assign(form, {method: "post", action: `${url}/api/runs`, target: "sink", enctype});
        const input = document.createElement("input");
        Object.assign(input, {name: '{"epochs": 1, "name": "', value: 'evil"}'});
        form.append(input);
        document.body.append(form);
        await limited(new Promise(done => { frame.onload = () => done(); form.submit(); }));
    }
    found.socket = await limited(new Promise(done => {
        const socket = new WebSocket(url.replace("http", "ws") + "/api/live");
        socket.onopen = () => socket.send("{}");
        socket.onmessage = ({data}) => done(data);
        socket.onclose = () => done("nothing");
    }));
    const inner = document.createElement("iframe");
    inner.src = `${url}/?run=${run}`;
    const framed = new Promise(done => { inner.onload = done; });
    document.body.append(inner);
    await limited(framed);
    try { found.frame = inner.contentWindow.document.body.innerText; }
    catch { found.frame = "nothing"; }
    found.image = await element("img", {src: `${url}/api/preview.png`});
    found.script = await element("script", {src: `${url}/assets/all.js`});
    found.data = await element("script", {src: `${url}/api/runs`});
    found.style = await element("link", {rel: "stylesheet", href: `${url}/assets/css/all.css`});
    const popup = window.open(`${url}/?run=${run}`);
    await new Promise(done => setTimeout(done, 1000));
    try { found.popup = popup.document.body.innerText; } catch { found.popup = "nothing"; }
    found["the popup's window"] = popup.closed ? "nothing" : "is still at hand";
    return found;
}"""


class _Blank(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>evil</title><body></body>")

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def site() -> Iterator[str]:
    """Another site on this computer; its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Blank) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def state(server: AppServer) -> Any:
    return server.all_runs(), server.get("/api/handwriting")


def test_a_hostile_page_reads_nothing_and_changes_nothing(
    browser: Browser, make_server: MakeServer
) -> None:
    server = make_server(TOKEN)
    run_id = server.train()
    server.post("/api/handwriting", {"strokes": [[[140, 40], [140, 240]]], "label": 1})
    before = state(server)
    context = browser.new_context(**CONTEXT)
    victim = context.new_page()
    victim.goto(f"{server.url}/?token={TOKEN}")
    victim.get_by_role("tab", name="Train").wait_for()

    page = context.new_page()
    with site() as evil:
        page.goto(evil)
        found = page.evaluate(ATTACK, {"url": server.url, "run": run_id})
    assert {way: read for way, read in found.items() if read != NOTHING} == {}

    # A name of its own that leads to this server: the browser takes both for one site.
    rebound = server.url.replace("127.0.0.1", "evil.example")
    answer = page.goto(rebound)
    assert answer is not None
    assert answer.status == 403
    for path in ("/api/runs", "/_dash-layout", f"/api/runs/{run_id}"):
        read = page.evaluate("async path => (await fetch(path)).text()", path)
        assert "evil.example" in read
        assert run_id not in read
    write = "async () => (await fetch('/api/runs', {method: 'POST', body: '{}'})).status"
    assert page.evaluate(write) == 403
    opens = """() => new Promise(done => {
        const socket = new WebSocket(`ws://${location.host}/api/live`);
        socket.onopen = () => done(true);
        socket.onclose = () => done(false);
    })"""
    assert page.evaluate(opens) is False
    context.close()
    assert state(server) == before
