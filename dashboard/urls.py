"""URLs of this server, under the path at which it serves Digit Lab."""

_prefix = "/"


def set_prefix(prefix: str) -> None:
    """Serves Digit Lab under a path, as `/lab/`. Call it before the page is made.

    It holds for the whole process, as in Dash's own `get_relative_path`.
    """
    global _prefix
    _prefix = prefix


def url(path: str) -> str:
    """The URL of a path of this server: `/lab/api/runs` for `/api/runs`."""
    return _prefix.rstrip("/") + path
