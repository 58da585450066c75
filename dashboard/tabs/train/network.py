"""Stand-in for the drawn network, until the real one is merged."""

from dash import html


def layout() -> html.Section:
    return html.Section(html.H2("The network"), **{"aria-label": "The network"})
