"""The page's scripts and styles in two files."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from starlette.applications import Starlette

from dashboard.app import ASSETS
from dashboard.server.bundle import GUARDED, Bundle


def write(folder: Path, *names: str) -> None:
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"text of {name}", encoding="utf-8")


def bundled(path: str, client: TestClient) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.text


@pytest.mark.parametrize("path", ["/assets/all.js", "/assets/css/all.css"])
def test_a_bundle_has_each_file_of_the_page_once(path: str, untrained: TestClient) -> None:
    text = bundled(path, untrained)
    files = [file for file in ASSETS.rglob(f"*{Path(path).suffix}") if file.parent.name != "pages"]
    assert len(files) > 10
    for file in files:
        assert text.count(file.read_text("utf-8")) == 1


def test_the_page_names_the_bundles_and_no_file_that_is_in_them(untrained: TestClient) -> None:
    page = untrained.get("/").text
    assert page.count("/assets/") == 3  # and the icon
    assert "/assets/all.js?m=" in page
    assert "/assets/css/all.css?m=" in page


def test_files_come_before_those_of_folders_in_alphabetical_order(tmp_path: Path) -> None:
    write(tmp_path, "tabs/a.js", "z.js", "draw/b.js", "common.js", "pages/other.js", "a.css")
    client = TestClient(Starlette(routes=[Bundle(tmp_path, "/all.js").route()]))
    order = ("common.js", "z.js", "draw/b.js", "tabs/a.js")
    parts = [f"/* {name} */\n{GUARDED.format(f'text of {name}')}" for name in order]
    assert bundled("/all.js", client) == "\n".join(parts)


def test_the_address_is_another_one_when_a_file_has_changed(tmp_path: Path) -> None:
    write(tmp_path, "one.js")
    before = Bundle(tmp_path, "/all.js").url
    assert Bundle(tmp_path, "/all.js").url == before
    write(tmp_path, "two.js")
    assert Bundle(tmp_path, "/all.js").url != before
