"""The guide as a page: all of it, its pictures, and the anchors that the views lead to."""

import re
from collections.abc import Iterator

import dash_bootstrap_components as dbc
import pytest
from fastapi.testclient import TestClient

from core.service import TrainingService
from dashboard import guide
from dashboard.app import create_app, layout


@pytest.fixture
def client(service: TrainingService) -> Iterator[TestClient]:
    with TestClient(create_app(service).server, base_url="http://127.0.0.1") as opened:
        yield opened


def test_the_guide_is_shown_with_its_tables(client: TestClient) -> None:
    answer = client.get("/guide/")
    assert answer.headers["content-type"].startswith("text/html")
    assert "<h1" in answer.text
    assert '<table class="table">' in answer.text
    assert "|---|" not in answer.text


def test_all_that_the_guide_loads_is_there_and_its_own(client: TestClient) -> None:
    text = client.get("/guide/").text
    loaded = re.findall(r'(?:src|<link[^>]*href)="([^"]+)"', text)
    assert len(loaded) > 3
    for address in loaded:
        assert "//" not in address
        answer = client.get(address if address.startswith("/") else f"/guide/{address}")
        assert answer.status_code == 200, address
        assert not answer.headers["content-type"].startswith("text/html"), address


def test_without_a_slash_the_guide_is_found_too(client: TestClient) -> None:
    answer = client.get("/guide", follow_redirects=False)
    assert answer.headers["location"] == "/guide/"


def test_links_within_the_guide_and_from_the_views_lead_somewhere(client: TestClient) -> None:
    text = client.get("/guide/").text
    anchors = set(re.findall(r'id="([^"]+)"', text))
    within = re.findall(r'href="#([^"]+)"', text)
    views = [
        part.href.partition("#")[2]
        for part in layout()._traverse()
        if str(getattr(part, "href", "")).startswith(guide.PATH)
    ]
    assert views
    assert within
    assert set(within + views) - anchors == set()


def test_every_view_leads_to_its_explanation() -> None:
    tabs = [part for part in layout()._traverse() if isinstance(part, dbc.Tab)]
    assert len(tabs) > 5
    for tab in tabs:
        links = [getattr(part, "href", None) for part in tab._traverse()]
        assert any(str(link).startswith(f"{guide.PATH}#") for link in links), tab.label
