"""A grid of test images, each a button, and the chosen one large beside it.

The Gallery and the Mistakes tab use it. The server answers with the images as numbers, and
`assets/components/image_grid.js` paints them: a choice asks the server for nothing.
"""

import asyncio
import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from dash import Dash, Input, Output, html
from typing_extensions import TypedDict

from core.analysis.mistakes import LearningCategory, Order
from core.errors import DigitLabError, NoModelError, NotTrainedError
from core.records.predictions import Gallery, TestImages
from dashboard.components.checkpoint_ref import CheckpointRef
from dashboard.components.controls import icon_button, start_training
from dashboard.components.probability_bars import probability_bars
from dashboard.service import TrainingService
from dashboard.values import Count, Digit, Version

NONE_WRONG = "The network reads every test image right."
NOTHING_LEARNED = "Nothing has learned yet."


class ImageRequest(TypedDict, total=False):
    """What a page asks for: `image` of the run `image_run` was chosen by hand.

    The fields of a single tab come after the common ones.
    """

    version: Version
    image: Count | None
    image_run: str | None
    seed: Count
    digit: Digit | None
    # Gallery
    count: Count
    which: str
    chosen: list[Count] | None
    # Mistakes
    wrong: bool
    true: Digit | None
    predicted: Digit | None
    category: LearningCategory | None
    order: Order
    page: Count


@dataclass(frozen=True)
class ImageGrid:
    """The grid of a tab, whose ids begin with `prefix`, and the labels of its two parts."""

    prefix: str
    label: str
    detail_label: str

    @property
    def shown(self) -> str:
        """The store with the server's answer."""
        return f"{self.prefix}-shown"

    def register(
        self,
        app: Dash,
        request: str,
        caption: str,
        answer: Callable[[ImageRequest], tuple[Any, dict[str, Any]]],
    ) -> None:
        """The callback that answers the store `request` with the caption's children and images."""

        # The caption is an output of the server so that the page sees that it waits for an answer.
        @app.callback(
            Output(caption, "children"), Output(self.shown, "data"), Input(request, "data")
        )
        async def show(asked: ImageRequest) -> tuple[Any, dict[str, Any]]:
            children, images = await asyncio.to_thread(answer, asked)
            return children, {**images, "version": asked.get("version")}

    def tiles(self) -> html.Section:
        """The grid, still without images."""
        empty = html.Div(
            [html.P(className="lead"), html.Button("Show all", className="btn show-all")],
            className="empty",
            hidden=True,
        )
        return html.Section(
            [html.Div(className="shots"), empty],
            id=f"{self.prefix}-grid",
            className="image-grid",
            **{"aria-label": self.label, "data-grid": self.prefix},
        )

    def detail(self, service: TrainingService, class_name: str = "") -> html.Section:
        """The chosen image and what the network reads; on a phone, a sheet at the bottom.

        Before the first run it says so from the start, so that nothing moves when images come.
        """
        head = [
            html.H2("Choose an image."),
            icon_button("Previous image", "previous", "icon previous"),
            icon_button("Next image", "next", "icon next"),
            icon_button("Close", "close", "icon close"),
        ]
        untrained = html.Div(
            [html.P(NOTHING_LEARNED, className="lead"), start_training()], className="untrained"
        )
        return html.Section(
            [
                html.Div(head, className="detail-head"),
                html.Canvas(width="28", height="28", className="signal"),
                html.Div(
                    [
                        html.P(className="lead verdict"),
                        probability_bars(),
                        untrained,
                        html.Button("Look inside", className="btn look-inside"),
                    ],
                    className="detail-text",
                ),
            ],
            id=f"{self.prefix}-detail",
            className=f"image-detail {class_name}".rstrip(),
            **{
                "aria-label": self.detail_label,
                "data-grid": self.prefix,
                "data-state": "nothing" if service.runs.latest() else "untrained",
            },
        )


def chosen_image(
    service: TrainingService, request: ImageRequest, images: TestImages
) -> dict[str, Any] | None:
    """The image that was chosen by hand, for the page, unless it is among `images`."""
    ref, index = CheckpointRef.parse(request.get("version")), request.get("image")
    if index is None or index in images.indices:
        return None
    if request.get("image_run") != ref.run_id:  # another run may have other test images
        return None
    try:
        return encode(service.predictions.test_images([index], ref.run_id, ref.epoch))
    except DigitLabError:
        return None


def encode(images: TestImages) -> dict[str, Any]:
    """Images for the page: `pixels` are the bytes of all, base64. Samples have no predictions."""
    answer: dict[str, Any] = {
        "indices": images.indices.tolist(),
        "labels": images.labels.tolist(),
        "pixels": base64.b64encode(images.images.tobytes()).decode(),
    }
    if isinstance(images, Gallery):
        answer["predictions"] = images.predictions.tolist()
        answer["probabilities"] = np.round(images.probabilities.astype(float), 4).tolist()
    return answer


def nothing(sentence: str, show_all: bool = False) -> dict[str, Any]:
    """The answer without images: a sentence, and whether the button for all images helps."""
    return {"empty": {"sentence": sentence, "showAll": show_all}}


def samples(
    service: TrainingService, request: ImageRequest, count: int, error: DigitLabError
) -> dict[str, Any]:
    """The answer where there is no network, as `error` says: test images, and what to do."""
    ref = CheckpointRef.parse(request.get("version"))
    sentence, train = NOTHING_LEARNED, isinstance(error, NoModelError)
    run_id = None if train else ref.run_id
    if isinstance(error, NotTrainedError):
        sentence, train = str(error), service.runs.snapshot(ref.run_id).state.finished
    digit, seed = request.get("digit"), request.get("seed", 0)
    try:
        found = service.predictions.samples(count, seed, run_id, digit)
    except DigitLabError as problem:
        return nothing(str(problem))
    return {"images": encode(found), "untrained": {"sentence": sentence, "train": train}}
