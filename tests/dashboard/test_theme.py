"""What all figures share: a sentence in place of data."""

from dashboard.theme import empty_state


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
