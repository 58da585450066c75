"""Error messages, and the base class of all errors that people read."""

from core import errors
from core.errors import CancelledError, DigitLabError, InvalidConfigError


def test_settings_that_are_wrong_are_told_in_one_message() -> None:
    error = InvalidConfigError({"epochs": "Too few.", "seed": "Too odd."})

    assert str(error) == "epochs: Too few. seed: Too odd."


def test_all_errors_but_a_cancellation_have_one_base_class() -> None:
    found = [
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, Exception)
    ]

    assert len(found) >= 9
    assert all(error.__name__.endswith("Error") for error in found)
    assert all(issubclass(error, DigitLabError) for error in found if error is not CancelledError)
