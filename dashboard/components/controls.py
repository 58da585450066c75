"""Building blocks of the tabs: labelled controls, buttons, panels and tables."""

from collections.abc import Sequence
from typing import Any

import dash_bootstrap_components as dbc
from dash import Output, dcc, html

PERSIST: dict[str, Any] = {"persistence": True, "persistence_type": "session"}
"""Properties of a control that keeps its value when the page is reloaded in the same tab."""
PRESS_ONCE = "press-once"
"""The class of buttons whose second click is ignored, by `assets/components/presses.js`."""


def labelled(label: Any, field: Any) -> html.Div:
    """A field, any component with an id, after its label."""
    return html.Div(
        [dbc.Label(label, html_for=field.id, className="mb-0"), field], className="control"
    )


def select(
    label: str, name: str, options: list[dict[str, Any]], value: Any = None, **properties: Any
) -> html.Div:
    """A labelled list of options; `name` is its id."""
    return labelled(
        label, dbc.Select(id=name, options=options, value=value, size="sm", **properties)
    )


def number(label: str, name: str, **properties: Any) -> html.Div:
    """A labelled field for a whole number; `name` is its id.

    Its value is a text for `core.numbers`: a number input takes 9.999 for nearly ten.
    """
    field = dbc.Input(
        id=name,
        type="text",
        inputmode="numeric",
        autocomplete="off",
        value="0",
        size="sm",
        className="control-number",
        **properties,
    )
    return labelled(label, field)


def choices(label: str, name: str, options: dict[str, Any], **properties: Any) -> html.Div:
    """Radio buttons, the first of which is chosen; `options`: label by value."""
    return html.Div(
        dbc.RadioItems(
            id=name,
            options=[{"value": value, "label": text} for value, text in options.items()],
            value=next(iter(options)),
            inline=True,
            **properties,
        ),
        role="radiogroup",
        **{"aria-label": label},
    )


def button(text: str, name: str, **properties: Any) -> dbc.Button:
    """A button with a text; `name` is its id."""
    return dbc.Button(text, id=name, color="secondary", **properties)


def working(button: str) -> tuple[Output, str, str]:
    """A callback's `running` entry: the button looks busy while the callback runs."""
    return Output(button, "className"), f"{PRESS_ONCE} working", PRESS_ONCE


def icon_button(label: str, glyph: str, class_name: str = "icon", **properties: Any) -> html.Button:
    """A button with a glyph; `label` is its name for screen readers, and its tooltip."""
    return html.Button(
        html.I(className=f"glyph glyph-{glyph}"),
        className=class_name,
        title=label,
        **{"aria-label": label},
        **properties,
    )


def start_training(**properties: Any) -> html.Button:
    """The button of a view that has no trained network to show; `image_grid.js` starts a run."""
    return html.Button(
        [html.I(className="glyph glyph-train"), "Train"],
        className="btn btn-primary start-training",
        **properties,
    )


def alert(name: str, *children: Any, color: str = "danger", **properties: Any) -> dbc.Alert:
    """A message that can be dismissed and is closed at first; `name` is its id."""
    return dbc.Alert(
        list(children), id=name, color=color, is_open=False, dismissable=True, **properties
    )


def panel(label: str, *children: Any, class_name: str = "", **properties: Any) -> html.Section:
    """A framed part of a tab; `label` is its name for screen readers."""
    return html.Section(
        list(children),
        className=f"panel {class_name}".rstrip(),
        **{"aria-label": label},
        **properties,
    )


def stores(*names: object) -> list[dcc.Store]:
    """Stores that last until the page is reloaded; `names` are their ids."""
    return [dcc.Store(id=name) for name in names]


def muted(text: str) -> html.P:
    """Small grey text."""
    return html.P(text, className="text-body-secondary small")


def table(heads: Sequence[Any], rows: Sequence[Sequence[Any]], **properties: Any) -> dbc.Table:
    """A small table. The first cell of each row is its heading."""
    head = html.Thead(html.Tr([html.Th(cell, scope="col") for cell in heads]))
    body = [
        html.Tr([html.Th(first, scope="row"), *[html.Td(cell) for cell in cells]])
        for first, *cells in rows
    ]
    return dbc.Table([head, html.Tbody(body)], size="sm", **properties)
