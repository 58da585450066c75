"""The guide as a page: all of it, its pictures, and the anchors that the views lead to."""

import re

from fastapi.testclient import TestClient

from core.service.service import TrainingService
from dashboard.components.help_link import GUIDE
from dashboard.navigation import TABS
from tests.dashboard.conftest import page_parts


def test_the_guide_is_shown_with_its_tables(untrained: TestClient) -> None:
    answer = untrained.get("/guide/")
    assert answer.headers["content-type"].startswith("text/html")
    assert "<h1" in answer.text
    assert '<table class="table">' in answer.text
    assert "|---|" not in answer.text


def test_all_that_the_guide_loads_is_there_and_its_own(untrained: TestClient) -> None:
    text = untrained.get("/guide/").text
    loaded = re.findall(r'(?:src|<link[^>]*href)="([^"]+)"', text)
    assert len(loaded) > 3
    for address in loaded:
        assert "//" not in address
        answer = untrained.get(address if address.startswith("/") else f"/guide/{address}")
        assert answer.status_code == 200, address
        assert not answer.headers["content-type"].startswith("text/html"), address


def test_without_a_slash_the_guide_is_found_too(untrained: TestClient) -> None:
    answer = untrained.get("/guide", follow_redirects=False)
    assert answer.headers["location"] == "/guide/"


def test_links_within_the_guide_and_from_the_views_lead_somewhere(
    untrained: TestClient, untrained_service: TrainingService
) -> None:
    text = untrained.get("/guide/").text
    anchors = set(re.findall(r'id="([^"]+)"', text))
    within = re.findall(r'href="#([^"]+)"', text)
    views = [
        part.href.partition("#")[2]
        for part in page_parts(untrained_service)
        if str(getattr(part, "href", "")).startswith(f"{GUIDE}#")
    ]
    assert views
    assert within
    assert set(within + views) - anchors == set()


def test_every_view_leads_to_its_explanation(untrained_service: TrainingService) -> None:
    for tab in TABS:
        parts = tab.layout(untrained_service)._traverse()
        links = [getattr(part, "href", None) for part in parts]
        assert any(str(link).startswith(f"{GUIDE}#") for link in links), tab.label
