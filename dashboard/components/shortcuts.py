"""The dialog with the keyboard shortcuts and the switch for projector mode.

`assets/components/shortcuts.js` has what they do.
"""

from dash import Dash, html
from dash.development.base_component import Component

from dashboard.components import lazy

DIALOG = "shortcuts"

GROUPS: dict[str, dict[str, str]] = {
    "Training": {"Train": "T", "Pause or resume": "P", "Stop": "S"},
    "Time machine": {
        "One epoch back, forth": "[ ]",
        "Play through the epochs": "K",
        "Latest network": "L",
    },
    "Views": {"Train … Runs": "1 … 7", "Other digits, other images": "N", "Only wrong": "W"},
    "Draw": {"Clear": "C", "Undo": "Ctrl Z", "Draw pixel by pixel": "Arrows"},
}


def layout() -> list[Component]:
    """The button, and the dialog that it opens."""
    label = "Keyboard shortcuts and projector"
    named = {"data-opens": DIALOG, "aria-label": label}
    button = html.Button("?", className="icon", title=label, **named)
    return [button, *lazy.dialog(DIALOG, "Keyboard shortcuts", "shortcuts", "Close")]


def register(app: Dash) -> None:
    lazy.register(app, lazy.body(DIALOG), contents)


def contents() -> list[Component]:
    return [
        html.Div([_group(*group) for group in GROUPS.items()], className="shortcut-groups"),
        html.P("Single letters work unless you type into a field.", className="small soft"),
        _switch("shortcuts-on", "Use these shortcuts"),
        _switch("projector-on", "Projector: larger type and lines"),
    ]


def _group(name: str, keys: dict[str, str]) -> html.Section:
    rows = [
        html.Div([html.Dt(action), html.Dd([html.Kbd(key) for key in combination.split()])])
        for action, combination in keys.items()
    ]
    return html.Section([html.H3(name), html.Dl(rows)])


def _switch(name: str, label: str) -> html.Label:
    """A checkbox of the script's own: the browser remembers it, not Dash."""
    return html.Label([html.Span(id=name, className="form-switch"), label], className="small")
