"""The tabs of the page: one list, the strip that opens them, and their panels.

A panel is empty until its tab is first opened (`dashboard/components/lazy.py`).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import groupby

from dash import ClientsideFunction, Dash, Input, dcc, html

from dashboard import ids
from dashboard.components import lazy, shortcuts
from dashboard.components.controls import stores
from dashboard.components.help_link import GUIDE
from dashboard.service import TrainingService
from dashboard.tabs.curves import layout as curves_layout
from dashboard.tabs.draw import callbacks as draw, layout as draw_layout
from dashboard.tabs.embedding import callbacks as embedding, layout as embedding_layout
from dashboard.tabs.experiments import cards as experiments
from dashboard.tabs.gallery import callbacks as gallery, layout as gallery_layout
from dashboard.tabs.inside import callbacks as inside, layout as inside_layout
from dashboard.tabs.mistakes import callbacks as mistakes, layout as mistakes_layout
from dashboard.tabs.runs import callbacks as runs, layout as runs_layout
from dashboard.tabs.train import callbacks as train, layout as train_layout
from dashboard.urls import url

BUILT_AT_ONCE = ids.TAB_TRAIN
"""The first view. It has the settings of the next run, which Experiments reads."""
OF_A_NETWORK = (
    ids.TAB_GALLERY,
    ids.TAB_DRAW,
    ids.TAB_MISTAKES,
    ids.TAB_INSIDE,
    ids.TAB_EMBEDDING,
)
"""Tabs that show what a network does. Each has a store for `assets/live/epoch_slider.js`."""
IN_THE_BAR = 4
"""Entries of the strip that a phone shows; the others are under More."""


@dataclass(frozen=True)
class Tab:
    """A tab of the page. `group`: the entry of the strip that it shares with others."""

    id: str
    label: str
    layout: Callable[[TrainingService], html.Div]
    register: Callable[[Dash, TrainingService], None] | None = None
    group: str = ""


EXPLORE = "Explore"
TABS = (
    Tab(ids.TAB_TRAIN, "Train", train_layout.layout, train.register),
    Tab(ids.TAB_CURVES, "Curves", curves_layout.layout),
    Tab(ids.TAB_GALLERY, "Gallery", gallery_layout.layout, gallery.register),
    Tab(ids.TAB_DRAW, "Draw", draw_layout.layout, draw.register),
    Tab(ids.TAB_MISTAKES, "Mistakes", mistakes_layout.layout, mistakes.register, EXPLORE),
    Tab(ids.TAB_INSIDE, "Inside", inside_layout.layout, inside.register, EXPLORE),
    Tab(ids.TAB_EMBEDDING, "Embedding", embedding_layout.layout, embedding.register, EXPLORE),
    Tab(ids.TAB_EXPERIMENTS, "Experiments", experiments.layout, experiments.register),
    Tab(ids.TAB_RUNS, "Runs", runs_layout.layout, runs.register),
)


def strip() -> html.Div:
    """The list of tabs. An entry opens a tab, or the tab of its group that was open last."""
    groups = [
        (name, list(tabs)) for name, tabs in groupby(TABS, key=lambda tab: tab.group or tab.label)
    ]
    entries = [_entry(place, name, tabs) for place, (name, tabs) in enumerate(groups)]
    more = html.Button(
        [html.I(className="glyph glyph-more"), "More"],
        id="more",
        className="more",
        **{"aria-expanded": "false"},
    )
    tablist = html.Div(entries, role="tablist", className="tab-list", **{"aria-label": "Views"})
    guide = html.A(
        [html.I(className="glyph glyph-guide"), html.Span("Guide")],
        href=url(GUIDE),
        className="tab-entry in-more to-guide",
    )
    return html.Div([tablist, more, guide], id="tabs", className="tabs")


def _entry(place: int, name: str, tabs: list[Tab]) -> html.Button:
    classes = ["tab-entry"]
    if place == IN_THE_BAR:
        classes.append("after-rule")
    if place >= IN_THE_BAR:
        classes.append("in-more")
    panel = _group_panel_id(name) if tabs[0].group else panel_id(tabs[0].id)
    return html.Button(
        [html.I(className=f"glyph glyph-{name.lower()}"), html.Span(name)],
        role="tab",
        className=" ".join(classes),
        **{
            "data-tabs": " ".join(tab.id for tab in tabs),
            "aria-controls": panel,
            "aria-selected": "false",
        },
    )


def panels(service: TrainingService) -> html.Main:
    """The tabs' panels, still empty, and what they share."""
    shared = [
        dcc.Store(id=ids.OPEN_TAB),
        *(lazy.request(panel_id(tab.id)) for tab in TABS if tab.id != BUILT_AT_ONCE),
        *stores(*(ids.version(tab) for tab in OF_A_NETWORK)),
        dcc.Store(id=ids.GALLERY_CHOICE),
        dcc.Store(id=ids.DRAW_FORM, storage_type="session"),
    ]
    groups = groupby(TABS, key=lambda tab: tab.group)
    parts: list[html.Section] = []
    for name, tabs in groups:
        sections = _panels(tabs, service)
        parts += [_group(name, sections)] if name else sections
    return html.Main([*parts, *shared], id="main", className="page")


def _panels(tabs: Iterable[Tab], service: TrainingService) -> list[html.Section]:
    return [
        html.Section(
            tab.layout(service) if tab.id == BUILT_AT_ONCE else None,
            id=panel_id(tab.id),
            role="tabpanel",
            hidden=True,
            className="tab-panel",
            **{"aria-label": tab.label, "data-tab": tab.id},
        )
        for tab in tabs
    ]


def _group(name: str, sections: list[html.Section]) -> html.Section:
    """The panel of a group: its own list of tabs as segments, and their panels."""
    tabs = [tab for tab in TABS if tab.group == name]
    segments = [
        html.Button(
            tab.label,
            role="tab",
            className="segment",
            **{"data-tabs": tab.id, "aria-controls": panel_id(tab.id), "aria-selected": "false"},
        )
        for tab in tabs
    ]
    bar = html.Div(segments, role="tablist", className="segments", **{"aria-label": name})
    return html.Section(
        [html.Div(bar, className="group-bar"), *sections],
        id=_group_panel_id(name),
        role="tabpanel",
        hidden=True,
        **{"aria-label": name, "data-tab": " ".join(tab.id for tab in tabs)},
    )


def panel_id(tab: str) -> str:
    return f"panel-{tab}"


def _group_panel_id(name: str) -> str:
    return f"group-{name.lower()}"


def register(app: Dash, service: TrainingService) -> None:
    """The callbacks of all tabs, those that build them, and the one behind the page's address."""
    app.clientside_callback(
        ClientsideFunction("page", "navigate"),
        Input(ids.OPEN_TAB, "data"),
        Input(ids.RUN_PICK, "value"),
        prevent_initial_call=False,
    )
    shortcuts.register(app)
    for tab in TABS:
        if tab.register:
            tab.register(app, service)
        if tab.id != BUILT_AT_ONCE:
            lazy.register(app, panel_id(tab.id), partial(tab.layout, service))
