"""What the errors say that people may read."""

from core import errors
from core.errors import DigitLabError, InvalidConfigError


def test_settings_that_are_wrong_are_told_in_one_message() -> None:
    error = InvalidConfigError({"epochs": "Too few.", "seed": "Too odd."})

    assert str(error) == "epochs: Too few. seed: Too odd."


def test_errors_for_people_have_one_root() -> None:
    found = [
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, Exception)
    ]

    assert len(found) >= 9
    assert all(issubclass(error, DigitLabError) for error in found)
