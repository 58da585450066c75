"""Stand-in for the wall of test digits, until the real one is merged."""

from dash import html


def layout() -> html.Section:
    return html.Section("The wall", className="sheet", **{"aria-label": "Sixty test digits"})


def number() -> html.Div:
    return html.Div([html.B("10 %"), html.P("pure guessing")])
