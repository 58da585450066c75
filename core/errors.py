"""The errors that people may read: every message is a sentence for whoever asked.

This module does not know who raises them, or how they are shown.
"""


class DigitLabError(Exception):
    """An error whose message is a sentence for the person at the page."""


class InvalidConfigError(DigitLabError):
    """Settings that cannot be trained with; `fields` maps each bad field to its sentence."""

    def __init__(self, fields: dict[str, str]) -> None:
        self.fields = fields
        super().__init__(" ".join(f"{name}: {text}" for name, text in fields.items()))


class WrongStateError(DigitLabError):
    """A run cannot do that in the state it is in."""


class UnknownRunError(DigitLabError):
    """There is no run of that id."""


class UnknownEpochError(DigitLabError):
    """A run has not kept that epoch."""


class DamagedFileError(DigitLabError):
    """A file of a stored run cannot be read."""


class NoModelError(DigitLabError):
    """A network was asked for before any run had one."""


class NotTrainedError(DigitLabError):
    """A run was asked for its network before it had one."""


class DatasetUnavailableError(DigitLabError):
    """A data set could neither be found nor fetched."""


class EmptyDrawingError(DigitLabError):
    """There is no ink to read."""


class InvalidDrawingError(DigitLabError):
    """The strokes or pixels do not have the form of a drawing."""


class DrawingRefusedError(DigitLabError):
    """A drawing cannot be kept, or what is kept is not enough for what was asked."""


class UnknownDrawingError(DigitLabError):
    """No drawing of that id is kept."""


class StorageError(DigitLabError):
    """A folder that was named cannot be used."""


class InvalidWeightsError(DigitLabError):
    """A file does not hold the weights of any network here, or cannot be read."""


class ExportUnavailableError(DigitLabError):
    """A file cannot be made because a package that makes it is not installed."""


class OutOfRangeError(DigitLabError):
    """A layer, a channel or a pixel was asked for that the network does not have."""


class NoConvolutionError(DigitLabError):
    """A method that needs a convolution was asked of a network that has none."""


class TsneUnavailableError(DigitLabError):
    """t-SNE was asked for where its package is not installed."""


class CancelledError(Exception):
    """Whoever asked for the data set no longer wants it."""
