"""The wall and the number as they are before the first message."""

from dashboard.tabs.train import wall


def test_each_of_sixty_digits_has_a_place_in_the_picture_and_one_is_reached_by_tab() -> None:
    tiles = wall.layout()["wall-tiles"].children
    places = [(tile.children[0].style["--r"], tile.children[0].style["--c"]) for tile in tiles]
    assert places == [(row, column) for row in range(6) for column in range(10)]
    assert [tile.to_plotly_json()["props"]["aria-label"] for tile in tiles[:2]] == ["a 0", "a 1"]
    assert [tile.tabIndex for tile in tiles] == [0] + [-1] * 59


def test_the_number_is_guessing_and_only_its_sentence_is_announced() -> None:
    number = wall.number()
    assert number["number-value"].children == "10"
    assert number["number-about"].hidden
    assert number["number"].className == "number guess"
    assert number["number-news"].role == "status"
    assert not hasattr(number["number"], "role")
