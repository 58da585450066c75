"""One sentence for every failed write: the disk is full, or a folder is read-only."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from safetensors import SafetensorError

from core.errors import StorageError


@contextmanager
def writing(what: str) -> Iterator[None]:
    """Turns write errors into a StorageError; `what` is the subject of its sentence.

    Raises:
        StorageError: the code could not write.
    """
    try:
        yield
    except (OSError, SafetensorError, sqlite3.Error) as error:
        # Not str(OSError): it contains the path, and other people's pages show the sentence, too.
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise StorageError(
            f"{what} could not be written to disk: {reason}. Free some space, or check that the "
            "folder can be written to."
        ) from error
