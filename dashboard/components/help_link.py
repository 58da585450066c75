"""Links to sections of the guide: after a sentence that explains a view, or a question mark."""

from dash import html

from dashboard.urls import url

GUIDE = "/guide/"
"""The path of the guide."""


def help_link(sentence: str, section: str) -> html.P:
    """The sentence and the link; `section` is the anchor of a heading in docs/guide.md."""
    link = html.A("More in the guide", href=url(f"{GUIDE}#{section}"), target="_blank")
    return html.P([f"{sentence} ", link, "."], className="small text-body-secondary mb-2")


def help_mark(section: str, label: str) -> html.A:
    """A question mark that leads to a section; `label` is its name and its tooltip."""
    return html.A(
        html.Span("?"),
        href=url(f"{GUIDE}#{section}"),
        target="_blank",
        className="help-mark",
        title=label,
        **{"aria-label": label},
    )
