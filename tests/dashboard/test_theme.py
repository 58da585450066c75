"""What all figures share: styles of runs, ranges, labels, and a sentence in place of data."""

import itertools
import re

import plotly.graph_objects as go
import pytest

from dashboard import theme
from dashboard.theme import HUES, TOKENS, accuracy_range, empty_state, push_apart, run_style


def test_a_figure_without_data_shows_a_sentence_and_no_axes() -> None:
    figure = empty_state("There is nothing to show.", 300)
    assert [note.text for note in figure.layout.annotations] == ["There is nothing to show."]
    assert not figure.data
    assert not figure.layout.xaxis.visible


def test_a_sentence_is_wrapped_and_is_no_markup() -> None:
    figure = empty_state("The curves of <b>A & B</b> cannot be read: they are damaged.", 300)
    text = figure.layout.annotations[0].text
    assert text.count("<br>") == 1
    assert "&lt;b&gt;A &amp; B&lt;/b&gt;" in text.replace("<br>", " ")


def test_every_figure_has_the_template_with_the_colours_of_the_tokens() -> None:
    layout = go.Figure().layout.template.layout
    assert layout.font.color == TOKENS["ink-3"]
    assert layout.yaxis.gridcolor == TOKENS["line"]
    assert layout.xaxis.showgrid is False
    assert layout.showlegend is False
    styles = theme._STYLES.read_text(encoding="utf-8")
    for name, colour in TOKENS.items():
        assert f"--{name}: {colour};" in styles


def test_no_two_of_thirty_runs_look_the_same_and_neighbours_differ_in_everything() -> None:
    styles = [run_style(index) for index in range(30)]
    assert len({(one.colour, one.dash, one.symbol) for one in styles}) == 30
    for one, other in itertools.pairwise(styles):
        assert one.colour != other.colour
        assert one.dash != other.dash
        assert one.symbol != other.symbol
    for index in range(30 - HUES):  # beyond six runs colours return, with other lines and markers
        one, again = styles[index], styles[index + HUES]
        assert one.colour == again.colour
        assert one.dash != again.dash
        assert one.glyph != again.glyph
    for one in styles:
        go.Scatter(**one.trace())  # Plotly knows the names


def test_the_style_sheet_knows_the_colour_of_each_run() -> None:
    charts = theme._STYLES.with_name("charts.css").read_text(encoding="utf-8")
    for index in range(HUES):
        style = run_style(index)
        prefix = re.escape(f'[class*="trace{style.token}-"]')
        assert re.search(rf"{prefix} {{ --role: var\(--{style.token}\); }}", charts)
        assert style.uid.startswith(f"{style.token}-")


@pytest.mark.parametrize(
    ("percents", "low"),
    [([], 0), ([9.8], 0), ([40], 0), ([62, 97], 50), ([92.1, 99], 90), ([95.3, 99.5], 94),
     ([98, 99.3], 96), ([99.9], 98), ([100], 98)],
)  # fmt: skip
def test_an_axis_of_accuracies_shows_what_matters_and_ends_at_100(
    percents: list[float], low: float
) -> None:
    assert accuracy_range(percents) == [low, 100]


def test_labels_move_apart_as_little_as_possible_and_keep_their_order() -> None:
    assert push_apart([], 16, 0, 100) == []
    assert push_apart([50, 10], 16, 0, 100) == [50, 10]
    assert push_apart([50, 50], 16, 0, 100) == [42, 58]
    assert push_apart([52, 50, 51], 16, 0, 100) == [67, 35, 51]
    assert push_apart([20, 28, 80], 16, 0, 100) == [16, 32, 80]


def test_labels_stay_within_bounds_while_there_is_room() -> None:
    assert push_apart([99, 100], 16, 0, 100) == [84, 100]
    assert push_apart([0, 1], 16, 0, 100) == [0, 16]
    assert push_apart([0, 1, 2], 16, 0, 20) == [0, 16, 32]
