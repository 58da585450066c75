"""Whose drawings a visitor sees: all on a server of one person, else those of a cookie."""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from core.data.dataset import Dataset
from core.service.service import TrainingService
from dashboard.app import create_app
from dashboard.server import hosts
from dashboard.server.owners import COOKIE
from tests.dashboard.conftest import Callbacks, in_memory_service, opened, refusal
from tests.support import MakeService

PATH = "/api/handwriting"
ONE = {"strokes": [[[140, 40], [140, 240]]], "label": 1}
SEVEN = {"strokes": [[[60, 60], [200, 60], [120, 240]]], "label": 7}
NAME = re.compile("[0-9a-f]{32}")


@pytest.fixture(scope="module")
def service(tiny_dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> TrainingService:
    return in_memory_service(tiny_dataset, tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def server(service: TrainingService) -> Any:
    """A server for several people, under a path. No test here starts a run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dashboard.urls._prefix", "/")
        yield create_app(service, "0.0.0.0", url_prefix="/lab/").server


@pytest.fixture
def anna(server: Any) -> TestClient:
    """A client with a cookie jar of its own."""
    return TestClient(server, base_url="http://192.168.0.7/lab")


ben = anna


def labels(client: TestClient, **headers: str) -> list[int]:
    return [one["label"] for one in client.get(PATH, headers=headers).json()["drawings"]]


def test_nobody_sees_or_deletes_anothers_drawings(anna: TestClient, ben: TestClient) -> None:
    annas = anna.post(PATH, json=ONE).json()["id"]
    bens = ben.post(PATH, json=SEVEN).json()["id"]
    assert anna.cookies[COOKIE] != ben.cookies[COOKIE]
    assert (labels(anna), labels(ben)) == ([1], [7])
    assert "no such drawing" in refusal(ben.delete(f"{PATH}/{annas}"), 404)
    assert "no such drawing" in refusal(anna.delete(f"{PATH}/{bens}"), 404)
    assert anna.delete(f"{PATH}/{annas}").status_code == 204
    assert "no such drawing" in refusal(ben.post(f"{PATH}/{annas}/restore"), 404)
    assert "keep some drawings" in refusal(anna.post(f"{PATH}/teach", json={}), 409)
    assert (labels(anna), labels(ben)) == ([], [7])


def test_to_delete_all_drawings_deletes_nobody_elses(anna: TestClient, ben: TestClient) -> None:
    annas = anna.post(PATH, json=ONE).json()["id"]
    ben.post(PATH, json=SEVEN)
    assert anna.delete(PATH).json() == {"deleted": [annas]}
    assert (labels(anna), labels(ben)) == ([], [7])
    assert anna.post(f"{PATH}/{annas}/restore").status_code == 204
    assert labels(anna) == [1]


def test_the_page_gives_a_random_name_that_its_scripts_cannot_read(anna: TestClient) -> None:
    cookie = anna.get("/").headers["set-cookie"]
    value, *attributes = cookie.lower().split("; ")
    assert NAME.fullmatch(value.removeprefix(f"{COOKIE}="))
    assert {"httponly", "samesite=lax", "path=/lab/", "max-age=34560000"} <= set(attributes)
    # A later visit keeps the name, and begins the time anew.
    assert anna.get("/").headers["set-cookie"] == cookie
    assert value.removeprefix(f"{COOKIE}=") not in anna.get("/").text
    for path in ("/assets/common.js", "/api/runs", PATH):
        assert "set-cookie" not in anna.get(path).headers, path


def test_no_proxy_may_keep_an_answer_about_drawings(anna: TestClient) -> None:
    for _ in range(2):  # without a cookie and with one
        headers = anna.get(PATH).headers
        assert headers["cache-control"] == "private"


def test_a_client_without_a_cookie_gets_one_where_drawings_are_kept(anna: TestClient) -> None:
    assert "set-cookie" not in anna.get("/api/runs").headers
    assert NAME.search(anna.post(PATH, json=ONE).headers["set-cookie"])
    assert labels(anna) == [1]


@pytest.mark.parametrize("name", ["me", "", "0" * 31, "A" * 32, "é" * 32, "'; DROP", "0" * 33])
def test_a_name_that_could_be_guessed_is_replaced(anna: TestClient, name: str) -> None:
    answer = anna.post(PATH, json=ONE, headers={"cookie": f"{COOKIE}={name}".encode()})
    assert NAME.search(answer.headers["set-cookie"])
    assert name == "" or f"={name};" not in answer.headers["set-cookie"]
    assert labels(anna) == [1]


def test_the_pages_callbacks_see_the_visitors_drawings(
    anna: TestClient, ben: TestClient, service: TrainingService
) -> None:
    for client, drawing in ((anna, ONE), (ben, SEVEN)):
        client.get("/")
        client.post(PATH, json=drawing)
    assert "Delete this 1" in collection(anna, service)
    assert "Delete this 7" not in collection(anna, service)
    assert "Delete this 7" in collection(ben, service)


def collection(client: TestClient, service: TrainingService) -> str:
    page = Callbacks(client, service)
    (shows,) = (one for one in page.on_server if "hand-list.children" in one["output"])
    return page.call(shows, {"open-tab": "draw"}).text


# Digit Lab for one person


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_on_the_loopback_address_all_drawings_belong_to_the_one_person(
    make_service: MakeService, host: str
) -> None:
    service = make_service()
    image = np.eye(28, dtype=np.float32)
    old = service.drawings.save("a1" * 16, 3, image)  # as earlier versions kept it
    for client in opened(service, host=host):
        client.post("http://localhost:8050" + PATH, json=ONE)
        assert labels(client) == [3, 1]
        answer = client.get("http://127.0.0.1:8060" + PATH, headers={"cookie": f"{COOKIE}=none"})
        assert [one["label"] for one in answer.json()["drawings"]] == [3, 1]
        assert "set-cookie" not in client.get("/").headers
        assert client.delete(f"{PATH}/{old.drawing_id}").status_code == 204
        assert labels(client) == [1]
        assert client.post(f"{PATH}/{old.drawing_id}/restore").status_code == 204
        assert labels(client) == [3, 1]
        assert "kept already, as 3" in str(refused(service, image))


def refused(service: TrainingService, image: np.ndarray) -> Exception:
    with pytest.raises(Exception, match="kept already") as error:
        service.drawings.save(None, 5, image)
    return error.value


@pytest.fixture
def behind_a_proxy(make_service: MakeService) -> Iterator[tuple[TrainingService, TestClient]]:
    service = make_service()
    for client in opened(service, allowed_hosts=[hosts.parse("lab.example")]):
        yield service, client


def test_behind_a_proxy_there_are_several_people(
    behind_a_proxy: tuple[TrainingService, TestClient],
) -> None:
    service, client = behind_a_proxy
    service.drawings.save(None, 3, np.eye(28, dtype=np.float32))  # on the loopback address
    assert labels(client) == []
