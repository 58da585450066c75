"""Typed errors. The message of each is a sentence for the person who caused it."""


class DigitLabError(Exception):
    """The base class: pages and the REST API show its message."""


class InvalidConfigError(DigitLabError):
    """Settings are invalid; `fields` maps the name of each bad field to a sentence."""

    def __init__(self, fields: dict[str, str]) -> None:
        self.fields = fields
        super().__init__(" ".join(f"{name}: {text}" for name, text in fields.items()))


class WrongStateError(DigitLabError):
    """The state of a run, of the queue or of the saved drawings does not allow the operation."""


class UnknownRunError(DigitLabError):
    """There is no run with that id."""


class UnknownEpochError(DigitLabError):
    """The run has no checkpoint of that epoch."""


class DamagedFileError(DigitLabError):
    """A file of a stored run cannot be read."""


class NoModelError(DigitLabError):
    """No run has a network yet."""


class NotTrainedError(DigitLabError):
    """The run has no network yet."""


class DatasetUnavailableError(DigitLabError):
    """A data set is not on disk and cannot be downloaded."""


class EmptyDrawingError(DigitLabError):
    """A drawing has no ink."""


class InvalidDrawingError(DigitLabError):
    """Strokes or pixels are malformed."""


class UnknownDrawingError(DigitLabError):
    """There is no saved drawing with that id."""


class StorageError(DigitLabError):
    """A file or folder cannot be written."""


class InvalidWeightsError(DigitLabError):
    """A file cannot be read, or its weights fit no model."""


class OutOfRangeError(DigitLabError):
    """The network or the test set has no such layer, channel, pixel or image."""


class NoConvolutionError(DigitLabError):
    """A method needs a convolution, and the network has none."""


class CancelledError(Exception):
    """The caller cancelled the operation."""
