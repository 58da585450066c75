"""How answers travel: compressed as clients take it, and kept by browsers where nothing changes.

The bytes on the wire are decoded by hand and compared: httpx would decode them by itself.
"""

import gzip
import re
from collections.abc import Callable
from typing import Any

import brotli
import pytest
from fastapi.testclient import TestClient
from httpx import Response
from starlette.types import Receive, Scope, Send

from core.service.service import TrainingService
from dashboard.server import static
from dashboard.server.static import IMMUTABLE, REVALIDATED, PackedFiles
from tests.support import run_async

GRAPH = "/_dash-component-suites/dash/dcc/async-graph.js"
STYLE = "/vendor/bootstrap/bootstrap.min.css"
DECODE: dict[str, Callable[[bytes], bytes]] = {"br": brotli.decompress, "gzip": gzip.decompress}


def fetch(client: TestClient, path: str, accepted: str, **headers: str) -> tuple[Response, bytes]:
    """An answer, and its body as it is on the wire."""
    asked = {"accept-encoding": accepted, **headers}
    with client.stream("GET", path, headers=asked) as answer:
        return answer, b"".join(answer.iter_raw())


def loaded_by_the_page(client: TestClient) -> list[str]:
    """What the page names, but for itself and icons."""
    found = re.findall(r'(?:src|href)="([^"]+\.(?:js|css)[^"]*)"', client.get("/").text)
    assert len(found) > 10
    return found


@pytest.mark.parametrize("path", [GRAPH, STYLE, "/api/docs/swagger-ui.css"])
@pytest.mark.parametrize("coding", ["br", "gzip"])
def test_a_file_is_compressed_once_into_the_same_bytes(
    untrained: TestClient, path: str, coding: str
) -> None:
    plain, expected = fetch(untrained, path, "identity")
    answer, body = fetch(untrained, path, coding)
    assert DECODE[coding](body) == expected
    assert len(body) < len(expected) / 2
    assert answer.headers["content-encoding"] == coding
    assert int(answer.headers["content-length"]) == len(body)
    assert answer.headers["content-type"] == plain.headers["content-type"]
    assert "content-encoding" not in plain.headers
    assert answer.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br, zstd", "br"),  # browsers, on this computer and over HTTPS
        ("gzip, deflate", "gzip"),  # browsers, over plain HTTP
        ("br;q=0, gzip;q=0.5", "gzip"),
        ("GZIP ; q=1.0", "gzip"),
        ("br;q=0.0,gzip;q=0", None),
        ("zstd", None),
        ("deflate", None),
        ("brotli, gzipped", None),
        ("", None),
    ],
)
def test_the_best_coding_that_a_client_takes_is_used(
    untrained: TestClient, accepted: str, coding: str | None
) -> None:
    assert fetch(untrained, GRAPH, accepted)[0].headers.get("content-encoding") == coding


@pytest.mark.parametrize("accepted", ["identity", "gzip", "br"])
def test_a_file_that_a_browser_has_is_not_sent_again(untrained: TestClient, accepted: str) -> None:
    first, _ = fetch(untrained, GRAPH, accepted)
    for tags in (first.headers["etag"], f'"other", W/{first.headers["etag"]}'):
        again, body = fetch(untrained, GRAPH, accepted, **{"if-none-match": tags})
        assert (again.status_code, body) == (304, b"")
        for name in ("etag", "cache-control", "vary"):
            assert again.headers[name] == first.headers[name]
        assert "content-type" not in again.headers
    other, body = fetch(untrained, GRAPH, accepted, **{"if-none-match": '"other"'})
    assert other.status_code == 200
    assert body


def test_each_coding_of_a_file_has_a_tag_of_its_own(untrained: TestClient) -> None:
    tags = {fetch(untrained, GRAPH, coding)[0].headers["etag"] for coding in ("br", "gzip", "")}
    assert len(tags) == 3


def test_all_that_the_page_names_is_kept_for_a_year(untrained: TestClient) -> None:
    for path in loaded_by_the_page(untrained):
        assert untrained.get(path).headers["cache-control"] == IMMUTABLE, path


@pytest.mark.parametrize("path", [GRAPH, STYLE, "/api/docs/swagger-ui-bundle.js"])
def test_a_file_without_a_fingerprint_is_asked_for_each_time(
    untrained: TestClient, path: str
) -> None:
    assert untrained.get(path).headers["cache-control"] == REVALIDATED


def test_the_page_loads_no_scripts_of_tables(untrained: TestClient) -> None:
    """The table of runs loads them when it is seen (tests/browser/test_runs.py)."""
    loaded = loaded_by_the_page(untrained)
    assert not [path for path in loaded if "dash_ag_grid" in path or "dash_table" in path]
    assert untrained.get("/_dash-component-suites/dash_ag_grid/dash_ag_grid.min.js").is_success


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/assets/nothing.js?m=1", 404),
        ("/vendor/bootstrap/nothing.css", 404),
        ("/api/docs/nothing.js", 404),
        ("/_dash-component-suites/nothing", 200),  # the page itself
    ],
)
def test_what_is_no_file_is_not_kept(untrained: TestClient, path: str, code: int) -> None:
    answer = untrained.get(path)
    assert answer.status_code == code
    assert "max-age" not in answer.headers.get("cache-control", "")
    assert "etag" not in answer.headers


def test_a_part_of_a_file_is_answered_with_the_whole(untrained: TestClient) -> None:
    answer, body = fetch(untrained, GRAPH, "br", range="bytes=0-9")
    assert answer.status_code == 200
    assert body == fetch(untrained, GRAPH, "br")[1]


@pytest.mark.parametrize("path", ["/guide/images/train.png", "/api/docs/favicon.png"])
def test_pictures_are_sent_as_they_are(untrained: TestClient, path: str) -> None:
    answer, body = fetch(untrained, path, "gzip, br, zstd")
    assert "content-encoding" not in answer.headers
    assert body.startswith(b"\x89PNG")


@pytest.mark.parametrize("path", ["/", "/guide/", "/_dash-layout", "/_dash-dependencies"])
@pytest.mark.parametrize("coding", ["br", "gzip", "zstd"])
def test_pages_and_what_dash_asks_for_are_compressed(
    untrained: TestClient, path: str, coding: str
) -> None:
    answer, body = fetch(untrained, path, coding)
    assert answer.headers["content-encoding"] == coding
    assert "Accept-Encoding" in answer.headers["vary"]
    assert int(answer.headers["content-length"]) == len(body)
    plain = fetch(untrained, path, "identity")[1]
    assert len(body) < len(plain) / 2
    if path.startswith("/_dash") and coding in DECODE:
        assert DECODE[coding](body) == plain


def test_files_to_take_away_are_compressed_if_they_are_text(
    trained: TestClient, done: TrainingService
) -> None:
    address = f"/api/runs/{done.runs.all()[0].run_id}"
    for name in ("metrics.csv", "metrics.json"):
        answer, body = fetch(trained, f"{address}/{name}", "br")
        assert answer.headers["content-encoding"] == "br", name
        assert brotli.decompress(body) == fetch(trained, f"{address}/{name}", "identity")[1], name
    archive, body = fetch(trained, f"{address}/tensorboard.zip", "gzip, br, zstd")
    assert "content-encoding" not in archive.headers
    assert body.startswith(b"PK")
    weights, body = fetch(trained, f"{address}/weights", "gzip, br, zstd")
    assert "content-encoding" not in weights.headers
    assert int(weights.headers["content-length"]) == len(body)


def test_a_short_answer_is_sent_as_it_is(untrained: TestClient) -> None:
    assert "content-encoding" not in fetch(untrained, "/api/health", "br")[0].headers


@pytest.mark.parametrize("path", ["/", "/guide/", "/api/docs", GRAPH, STYLE])
def test_head_says_what_get_would(untrained: TestClient, path: str) -> None:
    asked = {"accept-encoding": "gzip"}
    head, whole = untrained.head(path, headers=asked), untrained.get(path, headers=asked)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-type", "content-encoding", "etag", "cache-control", "vary"):
        assert head.headers.get(name) == whole.headers.get(name), name


class Files:
    """An application with one file, whose content may change.

    Attributes:
        content: of the file.
    """

    def __init__(self) -> None:
        self.content = b"one " * 1000

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"text/css")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        half = len(self.content) // 2
        for part, more in ((self.content[:half], True), (self.content[half:], False)):
            await send({"type": "http.response.body", "body": part, "more_body": more})


def test_a_file_is_packed_once_until_it_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    packed: list[bytes] = []

    def pack(body: bytes) -> bytes:
        packed.append(body)
        return gzip.compress(body)

    monkeypatch.setitem(static._PACK, "gzip", pack)
    files = Files()
    client: Any = TestClient(PackedFiles(files, ["/files/"]))
    first = client.get("/files/a.css", headers={"accept-encoding": "gzip"})
    other_address = client.get("/files/a.css?m=1", headers={"accept-encoding": "gzip"})
    assert first.content == other_address.content == files.content
    assert packed == [files.content]

    files.content = b"two " * 1000
    headers = {"accept-encoding": "gzip", "if-none-match": first.headers["etag"]}
    changed = client.get("/files/a.css", headers=headers)
    assert changed.status_code == 200
    assert changed.content == files.content
    assert len(packed) == 2


def test_a_browser_that_leaves_before_the_answer_is_no_failure() -> None:
    async def answers_nothing(_: Scope, __: Receive, ___: Send) -> None:
        """As Dash where the connection has ended."""

    async def never() -> Any:
        raise AssertionError("nothing is read or sent")

    scope = {"type": "http", "method": "GET", "path": "/files/a.css", "headers": []}
    run_async(PackedFiles(answers_nothing, ["/files/"])(scope, never, lambda _: never()))
