"""Parts of the page that are built when somebody first opens them: tabs and dialogs.

The fewer components a page has, the sooner it is drawn. `assets/components/lazy.js` asks for them.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from dash import Dash, Input, Output, State, dcc, html
from dash.development.base_component import Component


def request(part: str) -> dcc.Store:
    """The store that changes when somebody opens a part for the first time; `part` is its id."""
    return dcc.Store(id=_request_id(part))


def dialog(name: str, heading: Any, class_name: str, closing: str = "Done") -> list[Component]:
    """A dialog whose body is a part, and the part's store; `name` is the id of the dialog."""
    title = f"{name}-title"
    escape = html.Kbd("Esc", **{"aria-hidden": "true"})
    close = html.Button([f"{closing} ", escape], className="btn btn-quiet", **{"data-closes": name})
    head = html.Div([html.H2(heading, id=title), close], className="row-flex between")
    contents = [head, html.Div(id=body(name))]
    return [
        html.Dialog(contents, id=name, className=class_name, **{"aria-labelledby": title}),
        request(body(name)),
    ]


def body(dialog: str) -> str:
    """The id of a dialog's body."""
    return f"{dialog}-body"


def register(app: Dash, part: str, layout: Callable[..., Any], *states: State) -> None:
    """Builds a part when it is asked for. `layout` gets the values of `states`, stores."""

    @app.callback(Output(part, "children"), Input(_request_id(part), "data"), *states)
    async def build(_: object, *values: dict[str, Any]) -> Any:
        return await asyncio.to_thread(layout, *values)


def _request_id(part: str) -> str:
    return f"build-{part}"
