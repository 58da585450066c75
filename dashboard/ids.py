"""Component ids that several folders share. Other ids are beside their components."""

from core.config import TrainConfig

OPEN_TAB = "open-tab"
RUN_PICK = "run-pick"

# Values of `OPEN_TAB`.
TAB_TRAIN = "train"
TAB_CURVES = "curves"
TAB_GALLERY = "gallery"
TAB_MISTAKES = "mistakes"
TAB_DRAW = "draw"
TAB_INSIDE = "inside"
TAB_EMBEDDING = "embedding"
TAB_EXPERIMENTS = "experiments"
TAB_RUNS = "runs"

RUNS_GRID = "runs-grid"
GALLERY_CHOICE = "gallery-choice"
"""The test images that were selected in the embedding."""
DRAW_FORM = "draw-form"
"""The store with how a drawing is preprocessed: as MNIST (or None) or as drawn."""


def version(view: object) -> dict[str, object]:
    """The store with the network that a tab shows. It changes only while the tab is open."""
    return {"type": "version", "view": view}


def field(name: str) -> str:
    """The input of a setting."""
    assert name in TrainConfig.model_fields, name
    return f"field-{name.replace('_', '-')}"
