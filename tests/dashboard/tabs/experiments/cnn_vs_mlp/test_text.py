"""What the page says of a pair: what to do, where both stand, who makes how many mistakes."""

import base64
import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.records.comparisons import Distortion, Examples, Pair
from core.records.layers import InnerLayer
from core.records.runs import RunSnapshot, RunState
from dashboard.components.header import NEWEST
from dashboard.tabs.experiments.cnn_vs_mlp import text as words
from dashboard.tabs.experiments.cnn_vs_mlp.text import Result


def run(model: str = "simple_cnn", state: RunState = RunState.DONE, **facts: Any) -> RunSnapshot:
    usual: dict[str, Any] = {"progress": 3.0, "epochs": 3, "kept": (0, 1, 2, 3), "seconds": 41.0}
    return RunSnapshot(
        run_id=model,
        state=state,
        config={"model": model, "seed": 5},
        dataset="mnist",
        dataset_title="MNIST",
        device="cpu",
        precision="fp32",
        number=3 if model == "mlp" else 2,
        **{**usual, **facts},
    )


CNN, MLP = run(), run("mlp")
DONE = Pair("a", (CNN, MLP))
CONVOLUTIONS = [
    InnerLayer("input", (), (1, 28, 28)),
    InnerLayer("conv1", (), (32, 28, 28), (1, 3, 3), parameters=18_816),
    InnerLayer("fc1", (), (10, 1, 1), (32, 28, 28), parameters=1_607_050),
]
LINEAR = [InnerLayer("fc1", (), (10, 1, 1), (1, 28, 28), parameters=1_626_162)]
RESULTS = [Result(CNN, CONVOLUTIONS, 10_000, 90, 3.0), Result(MLP, LINEAR, 10_000, 180, 3.0)]


def words_of(part: Any) -> str:
    """The text of a component, or of several."""
    if isinstance(part, list):
        return "".join(map(words_of, part))
    return part if isinstance(part, str) else words_of(part.children)


def cells(table: Any) -> dict[str, list[str]]:
    """The values of each row, by its title."""
    body = table.children[1].children[1]
    return {
        row.children[0].children: [words_of(cell.children) for cell in row.children[1:]]
        for row in body.children
    }


def test_without_a_pair_it_says_what_to_do() -> None:
    assert words.status(None).startswith("Press Train both")


def test_of_two_that_are_done_it_says_that_they_may_be_compared() -> None:
    assert words.status(DONE) == words.BOTH_DONE


@pytest.mark.parametrize(
    ("cnn", "mlp", "parts"),
    [
        (
            run(state=RunState.RUNNING, kept=(0,), progress=0.4),
            run("mlp", RunState.QUEUED, kept=(), progress=0.0),
            ["SimpleCNN learns.", "MLP waits for its turn."],
        ),
        (
            CNN,
            run("mlp", RunState.STOPPED, progress=1.5, kept=(0, 1)),
            ["MLP was stopped after 1.5 of 3 epochs. It is compared as it was after its last"],
        ),
        (
            run(state=RunState.INTERRUPTED, progress=0.5, kept=(0,)),
            MLP,
            ["SimpleCNN was interrupted after 0.5 of 3 epochs.", "there is nothing to compare"],
        ),
        (run(state=RunState.PAUSED, progress=2.0, kept=(0, 1, 2)), MLP, ["SimpleCNN was paused"]),
        (
            CNN,
            run("mlp", RunState.FAILED, kept=(0,), error="Training has diverged."),
            ["MLP failed: Training has diverged.", "nothing to compare"],
        ),
    ],
    ids=["training", "stopped", "interrupted", "paused", "failed"],
)
def test_where_both_stand_is_said(cnn: RunSnapshot, mlp: RunSnapshot, parts: list[str]) -> None:
    said = words.status(Pair("a", (cnn, mlp)))
    for part in parts:
        assert part in said


def test_of_a_deleted_run_it_is_said_how_to_bring_it_back() -> None:
    assert words.status(Pair("a", (MLP,))) == words.DELETED


def test_other_digits_are_not_passed_over() -> None:
    pair = Pair("a", (CNN, replace(MLP, dataset="synthetic")))
    assert "different data sets" in words.status(pair)


def test_pairs_to_choose_from_have_their_runs_and_what_they_learned_from() -> None:
    found = words.pair_options([DONE], None)
    assert found[0]["value"] == NEWEST
    assert found[1] == {"value": "a", "label": "SimpleCNN (Run 2) and MLP (Run 3), MNIST, seed 5"}


def test_there_are_not_too_many_to_choose_from_but_always_the_chosen_one() -> None:
    many = [Pair(f"{number}", (CNN, MLP)) for number in range(100)]
    values = [option["value"] for option in words.pair_options(many, "90")]
    assert "90" in values
    assert "91" not in values
    assert len(values) < 40


def test_the_table_has_what_each_has_and_what_it_makes_of_it() -> None:
    assert cells(words.result_table(RESULTS)) == {
        "Test accuracy": ["99.10\u202f%", "98.20\u202f%"],
        "Misread of 10,000": ["90", "180"],
        "Weights": ["1,625,866", "1,626,162"],
        "of these in convolutions": ["18,816 (1.2\u202f%)", "none"],
        "Accuracy per 100,000 weights": ["6.10 points", "6.04 points"],
        "Training time": ["41 s", "41 s"],
    }


def test_what_is_not_known_yet_is_a_dash() -> None:
    found = cells(words.result_table([Result(CNN, CONVOLUTIONS), Result(MLP, LINEAR)]))
    assert found["Test accuracy"] == found["Misread"] == ["–", "–"]
    assert found["Accuracy per 100,000 weights"] == ["–", "–"]
    assert found["Weights"] == ["1,625,866", "1,626,162"]


def test_a_network_that_did_not_come_to_its_end_is_named_with_its_place() -> None:
    early = Result(run("mlp", RunState.STOPPED), LINEAR, 10_000, 400, 1.0)
    head = words.result_table([RESULTS[0], early]).children[1].children[0].children
    assert words_of(head.children[0]) == "Value"  # a head without words would confuse listeners
    assert words_of(head.children[1].children[1:]) == "SimpleCNN Run 2"
    assert words_of(head.children[2].children[1:]) == "MLP Run 3 after 1 epoch"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ((90, 180), "MLP misreads 2 times as many digits as SimpleCNN."),
        ((200, 130), "SimpleCNN misreads 1.5 times as many digits as MLP."),
        ((90, 90), "MLP and SimpleCNN misread as many digits."),
        ((0, 7), "SimpleCNN misreads none, MLP 7."),
        ((None, 7), ""),
    ],
)
def test_who_makes_more_mistakes_is_said(wrong: tuple[int | None, int], said: str) -> None:
    results = [replace(one, wrong=count) for one, count in zip(RESULTS, wrong, strict=True)]
    assert words_of(words.verdict(results)) == said


@pytest.mark.parametrize(
    ("limits", "said"), [(None, ""), ((0, 100), ""), ((95, 100), "axis starts at 95\u202f%")]
)
def test_it_is_said_where_an_axis_starts(limits: tuple[float, float] | None, said: str) -> None:
    assert words.axis_start(limits) == said


@pytest.mark.parametrize(
    ("share", "said"), [(None, ""), (0.04, "Distorting test images: 4\u202f%")]
)
def test_how_far_the_distorted_images_are_is_said(share: float | None, said: str) -> None:
    assert words.progress(share) == said


def test_examples_stand_side_by_side_each_with_its_strength() -> None:
    images = np.random.default_rng(1).uniform(0, 255, (3, 28, 28)).astype(np.float32)
    for figure, strength, image in zip(
        words.examples(Examples("shift", (0, 2, 4), images)), (0, 2, 4), images, strict=True
    ):
        caption, picture = figure.children
        assert words_of(caption) == f"{strength} px"
        assert picture.alt == f"A test digit, shifted by {strength} px"
        file = io.BytesIO(base64.b64decode(picture.src.partition(",")[2]))
        np.testing.assert_allclose(np.asarray(Image.open(file)), image, atol=0.51)


@pytest.mark.parametrize(
    ("distortion", "strength", "label"),
    [("rotation", 0, "0°"), ("rotation", 20, "20°"), ("noise", 0.2, "0.2")],
)
def test_strengths_have_their_units(distortion: Distortion, strength: float, label: str) -> None:
    image = np.zeros((1, 28, 28), np.float32)
    (figure,) = words.examples(Examples(distortion, (strength,), image))
    assert words_of(figure.children[0]) == label
