"""One sentence for every failure to write: the disk is full, or a folder may not be written to."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from safetensors import SafetensorError

from core.errors import StorageError


@contextmanager
def writing(what: str) -> Iterator[None]:
    """Wraps code that writes `what`, the subject of the sentence.

    Raises:
        StorageError: the code failed to write.
    """
    try:
        yield
    except (OSError, SafetensorError, sqlite3.Error) as error:
        # Without the path: pages elsewhere read the sentence, too.
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise StorageError(
            f"{what} could not be written to disk: {reason}. Free some space, or check that the "
            "folder can be written to."
        ) from error
