"""A sentence that explains a view, with a link to its section of the guide."""

from dash import html

from dashboard.urls import url

GUIDE = "/guide/"
"""The path of the guide."""


def help_link(sentence: str, section: str) -> html.P:
    """
    Args:
        section: the anchor of a heading in docs/guide.md.
    """
    link = html.A("More in the guide", href=url(f"{GUIDE}#{section}"), target="_blank")
    return html.P([f"{sentence} ", link, "."], className="small text-body-secondary mb-2")
