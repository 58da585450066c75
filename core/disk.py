"""Writing files whole or not at all, with one error for every failure."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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


@contextmanager
def atomic_write(path: Path, what: str) -> Iterator[Path]:
    """Yields a temporary path beside `path`, which replaces `path` at the end of the block.

    If the block fails, `path` stays as it was and the temporary file is removed.

    Args:
        what: the subject of the error's sentence, such as "The model".

    Raises:
        StorageError: the file cannot be written.
    """
    part = path.with_name(f"{path.name}.part")
    with writing(what):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield part
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
