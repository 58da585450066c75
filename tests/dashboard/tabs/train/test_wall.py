"""The number as it is before the first message."""

from dashboard.tabs.train import wall


def test_the_number_is_guessing_and_only_its_sentence_is_announced() -> None:
    number = wall.number()
    assert number["number-value"].children == "10"
    assert number["number-about"].hidden
    assert number["number"].className == "number guess"
    assert number["number-news"].role == "status"
    assert not hasattr(number["number"], "role")
