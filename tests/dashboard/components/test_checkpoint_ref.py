"""Which network a page shows, from the version that it sends; and when that was, in words."""

import pytest

from dashboard.components.checkpoint_ref import Shown, epoch_number, when


@pytest.mark.parametrize(
    ("version", "shown"),
    [
        ("a-run/7/e3", Shown("a-run", 3)),
        ("a-run/7/2.5", Shown("a-run")),
        ("a-run/7/e", Shown("a-run")),
        ("a-run/7/e-1", Shown("a-run")),
        ("nonsense", Shown()),
        (None, Shown()),
        (["a", "list"], Shown()),
    ],
)
def test_a_version_names_a_run_and_perhaps_an_epoch(version: object, shown: Shown) -> None:
    assert Shown.parse(version) == shown


@pytest.mark.parametrize(
    ("progress", "number"),
    [
        (0, "0"),
        (3.0, "3"),
        (3.34043, "3.34"),
        (3.5, "3.5"),
        (3.001, "3.01"),
        (2.9999, "2.99"),
        (2000.0, "2000"),
        (1999.25, "1999.25"),
    ],
)
def test_a_place_within_an_epoch_never_reads_as_its_end(progress: float, number: str) -> None:
    assert epoch_number(progress) == number


def test_when_a_network_was_as_it_is_shown() -> None:
    assert when(0) == "before it has learnt anything"
    assert when(1) == "after 1 epoch"
    assert when(0.5) == "after 0.5 epochs"
    assert when(3) == "after 3 epochs"
