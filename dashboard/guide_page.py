"""The guide as a page of its own, at `/guide/`: docs/guide.md as HTML, without internet.

`explanation` gives the line of a view that links to its section.
"""

import re
import struct
from pathlib import Path

import markdown
from dash import html
from fastapi import FastAPI
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles

from dashboard.urls import url

DOCS = Path(__file__).resolve().parent.parent / "docs"
PATH = "/guide/"
STYLES = ("css/tokens", "css/layout", "css/components", "pages/guide")

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Digit Lab: a guide</title>
{styles}
<script src="{script}"></script>
</head>
<body><main class="guide panel">
<p><a href="{home}">Back to Digit Lab</a></p>
{body}
</main></body>
</html>
"""


def explanation(sentence: str, section: str) -> html.P:
    """One line on what a view shows, with a link to its section of the guide."""
    link = html.A("More in the guide", href=url(f"{PATH}#{section}"), target="_blank")
    return html.P([f"{sentence} ", link, "."], className="small text-body-secondary mb-2")


def page(text: str, bootstrap: str) -> str:
    """A page from Markdown; its headings have the anchors that GitHub gives them."""
    body = markdown.markdown(text, extensions=["tables", "toc", "sane_lists"])
    body = body.replace("<table>", '<table class="table">')
    body = re.sub(r'src="(images/[^"]+\.png)"', _with_size, body)
    styles = [bootstrap, *(f"/assets/{name}.css" for name in STYLES)]
    links = "\n".join(f'<link rel="stylesheet" href="{url(style)}">' for style in styles)
    script, home = url("/assets/pages/guide.js"), url("/")
    return _PAGE.format(styles=links, script=script, home=home, body=body)


def _with_size(source: re.Match[str]) -> str:
    """Reserves the space of a picture, so that anchors below it do not move when it has loaded."""
    with (DOCS / source[1]).open("rb") as picture:
        width, height = struct.unpack(">16xII", picture.read(24))  # PNG: signature, then IHDR
    return f'{source[0]} width="{width}" height="{height}"'


def register(server: FastAPI, bootstrap: str) -> None:
    """Adds the page and its pictures to a server. To be called before Dash takes all paths.

    Args:
        bootstrap: the path of Bootstrap's style sheet.
    """

    @server.get(url(PATH), response_class=HTMLResponse)
    def show() -> str:
        return page((DOCS / "guide.md").read_text(encoding="utf-8"), bootstrap)

    @server.get(url(PATH.rstrip("/")))
    def without_slash() -> RedirectResponse:
        return RedirectResponse(url(PATH))  # pictures are found from there

    server.mount(url(f"{PATH}images"), StaticFiles(directory=DOCS / "images"))
