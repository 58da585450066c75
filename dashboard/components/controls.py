"""Form controls with labels, and the properties that make a control survive a reload."""

from typing import Any

import dash_bootstrap_components as dbc
from dash import html

PERSIST: dict[str, Any] = {"persistence": True, "persistence_type": "session"}
"""Properties of a control that keeps its value when the page is reloaded in the same tab."""


def labelled(label: str, field: Any) -> html.Div:
    """A field, any component with an id, and its label before it."""
    return html.Div(
        [dbc.Label(label, html_for=field.id, className="mb-0"), field], className="control"
    )


def select(
    label: str,
    name: str,
    options: list[dict[str, Any]],
    value: Any = None,
    **properties: Any,
) -> html.Div:
    """One of several, in a list that opens; `name` is its id."""
    return labelled(
        label, dbc.Select(id=name, options=options, value=value, size="sm", **properties)
    )


def number(label: str, name: str, **properties: Any) -> html.Div:
    """A whole number from 0 on; `name` is its id."""
    field = dbc.Input(
        id=name,
        type="number",
        min=0,
        step=1,
        value=0,
        size="sm",
        className="control-number",
        **properties,
    )
    return labelled(label, field)


def choices(label: str, name: str, options: dict[str, str], **properties: Any) -> html.Div:
    """One of a few, all of them in sight and the first one chosen; `options`: words by value."""
    return html.Div(
        dbc.RadioItems(
            id=name,
            options=[{"value": value, "label": words} for value, words in options.items()],
            value=next(iter(options)),
            inline=True,
            **properties,
        ),
        role="radiogroup",
        **{"aria-label": label},
    )
