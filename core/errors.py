"""The errors that people may read: every message is a sentence for whoever asked.

This module does not know who raises them, or how they are shown.
"""


class DigitLabError(Exception):
    """An error whose message is a sentence for the person at the page."""


class InvalidConfig(DigitLabError):
    """Settings that cannot be trained with; `fields` maps each bad field to its sentence."""

    def __init__(self, fields: dict[str, str]) -> None:
        self.fields = fields
        super().__init__(" ".join(f"{name}: {text}" for name, text in fields.items()))


class WrongState(DigitLabError):
    """A run cannot do that in the state it is in."""


class UnknownRun(DigitLabError):
    """There is no run of that id."""


class UnknownEpoch(DigitLabError):
    """A run has not kept that epoch."""


class DamagedFile(DigitLabError):
    """A file of a stored run cannot be read."""


class NoModel(DigitLabError):
    """A network was asked for before any run had one."""


class NotTrained(DigitLabError):
    """A run was asked for its network before it had one."""


class DatasetUnavailable(DigitLabError):
    """A data set could neither be found nor fetched."""


class EmptyDrawing(DigitLabError):
    """There is no ink to read."""


class BadDrawing(DigitLabError):
    """The strokes or pixels do not have the form of a drawing."""


class DrawingRefused(DigitLabError):
    """A drawing cannot be kept, or what is kept is not enough for what was asked."""


class UnknownDrawing(DigitLabError):
    """No drawing of that id is kept."""


class FolderUnusable(DigitLabError):
    """A folder that was named cannot be used."""


class BadWeights(DigitLabError):
    """A file does not hold the weights of any network here, or cannot be read."""


class ExportUnavailable(DigitLabError):
    """A file cannot be made because a package that makes it is not installed."""


class NotThere(DigitLabError):
    """A layer, a channel or a pixel was asked for that the network does not have."""


class NoConvolution(DigitLabError):
    """A method that needs a convolution was asked of a network that has none."""


class NoTsne(DigitLabError):
    """t-SNE was asked for where its package is not installed."""


class Cancelled(Exception):
    """Whoever asked for the data set no longer wants it."""
