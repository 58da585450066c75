"""The page's scripts and styles, each as one file.

Over a slow network each file takes a round trip, six at a time: fifty files cost a phone a second.
"""

import hashlib
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dashboard.urls import url

KINDS = {".js": "text/javascript", ".css": "text/css"}
GUARDED = "try {{\n{}}} catch (error) {{\n  console.error(error);\n}}\n"
"""A script that fails does not keep the others from starting."""


class Bundle:
    """The files of one kind in a folder and the folders in it, in one.

    Files of the folder itself come first, then those of its folders, in alphabetical order.
    """

    def __init__(self, folder: Path, path: str) -> None:
        """
        Args:
            folder: where the files are; those in `pages` do not belong to the page.
            path: under which the bundle is served; styles name images relative to it.
        """
        names = [file.relative_to(folder) for file in folder.rglob(f"*{Path(path).suffix}")]
        names = sorted((name for name in names if "pages" not in name.parts), key=_place)
        texts = [(folder / name).read_text("utf-8") for name in names]
        if path.endswith(".js"):
            texts = [GUARDED.format(text) for text in texts]
        named = zip(names, texts, strict=True)
        self._path = path
        self._text = "\n".join(f"/* {name.as_posix()} */\n{text}" for name, text in named)

    @property
    def url(self) -> str:
        """Its address, another one whenever a file has changed."""
        return url(f"{self._path}?m={hashlib.sha256(self._text.encode()).hexdigest()[:12]}")

    def route(self) -> Route:
        kind = KINDS[Path(self._path).suffix]

        async def serve(_: Request) -> Response:
            return Response(self._text, media_type=kind)

        return Route(url(self._path), serve)


def _place(name: Path) -> tuple[bool, str]:
    return len(name.parts) > 1, name.as_posix()
