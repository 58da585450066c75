"""The page `/guide/`: docs/guide.md as HTML. It needs no internet."""

import re
import struct
from pathlib import Path

import markdown
from fastapi import FastAPI
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles

from dashboard.components.help_link import GUIDE
from dashboard.server.html_page import html_page
from dashboard.urls import url

DOCS = Path(__file__).resolve().parent.parent / "docs"
STYLES = ("css/tokens", "css/base", "css/components", "pages/guide")


def page(text: str, bootstrap: str) -> str:
    """Markdown as a page. Headings have the same anchors as on GitHub."""
    body = markdown.markdown(text, extensions=["tables", "toc", "sane_lists"])
    body = body.replace("<table>", '<table class="table">')
    body = re.sub(r'src="(images/[^"]+\.png)"', _with_size, body)
    styles = [bootstrap, *(f"/assets/{name}.css" for name in STYLES)]
    head = [f'<link rel="stylesheet" href="{url(style)}">' for style in styles]
    head.append(f'<script src="{url("/assets/pages/guide.js")}"></script>')
    back = f'<p><a href="{url("/")}">Back to Digit Lab</a></p>'
    main = f'<main class="guide panel">\n{back}\n{body}\n</main>'
    return html_page("a guide", "\n".join(head), main)


def _with_size(source: re.Match[str]) -> str:
    """Adds the size of a picture, so that anchors below it do not move when it is loaded."""
    with (DOCS / source[1]).open("rb") as picture:
        width, height = struct.unpack(">16xII", picture.read(24))  # PNG: signature, then IHDR
    return f'{source[0]} width="{width}" height="{height}"'


def register(server: FastAPI, bootstrap: str) -> None:
    """Adds the page and its pictures to a server. Call it before Dash takes all paths.

    Args:
        bootstrap: the path of Bootstrap's style sheet.
    """

    @server.get(url(GUIDE), response_class=HTMLResponse)
    def show() -> str:
        return page((DOCS / "guide.md").read_text(encoding="utf-8"), bootstrap)

    @server.get(url(GUIDE.rstrip("/")))
    def without_slash() -> RedirectResponse:
        return RedirectResponse(url(GUIDE))  # relative paths of pictures need the slash

    server.mount(url(f"{GUIDE}images"), StaticFiles(directory=DOCS / "images"))
