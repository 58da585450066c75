"""Every component id of the page, once. What a component is or does is known elsewhere."""

from core.config import TrainConfig

# The shell.
PAGE_ADDRESS = "page-address"
TABS = "tabs"
THEME = "theme"

# The status bar.
RUN_PICK = "run-pick"
STATUS_STATE = "status-state"


def version(view: object) -> dict[str, object]:
    """The network that a tab is to show. Set when the tab opens, and while it is in sight."""
    return {"type": "version", "view": view}


# Tabs, by the value of the tab strip.
TAB_TRAIN = "train"
TAB_CURVES = "curves"
TAB_GALLERY = "gallery"
TAB_MISTAKES = "mistakes"
TAB_DRAW = "draw"
TAB_INSIDE = "inside"
TAB_EMBEDDING = "embedding"
TAB_COMPARE = "compare"
TAB_RUNS = "runs"

# Train.
PRESET = "preset"
PRESETS = "presets"
FORM_ERRORS = "form-errors"
TRAIN_BUTTON = "train-button"
STOP_BUTTON = "stop-button"
PAUSE_BUTTON = "pause-button"
RATE = "rate"
RATE_INPUT = "rate-input"
RATE_BUTTON = "rate-button"
TRAIN_ERROR = "train-error"
RUN_MESSAGE = "run-message"
DATASET_NOTICE = "dataset-notice"
DATASET_RETRY = "dataset-retry"
TRAIN_CURVE = "train-curve"
LAYERS = "layers"


def field(name: str) -> str:
    """The input of a setting."""
    assert name in TrainConfig.model_fields, name
    return f"field-{name.replace('_', '-')}"


# Curves.
CURVES_LOSS = "curves-loss"
CURVES_ACCURACY = "curves-accuracy"
CURVES_SMOOTHING = "curves-smoothing"
CURVES_LOG = "curves-log"
CURVES_RATE = "curves-rate"
CURVES_TABLE = "curves-table"
CURVES_CSV = "curves-csv"
CURVES_PNG = "curves-png"
CURVES_SVG = "curves-svg"

# Gallery.
GALLERY_COUNT = "gallery-count"
GALLERY_AGAIN = "gallery-again"
GALLERY_WRONG = "gallery-wrong"
GALLERY_REQUEST = "gallery-request"
GALLERY_GRAPH = "gallery-graph"
GALLERY_CAPTION = "gallery-caption"
GALLERY_SHOWN = "gallery-shown"
GALLERY_DETAIL = "gallery-detail"
GALLERY_CHOSEN = "gallery-chosen"
GALLERY_CHOICE = "gallery-choice"
GALLERY_ALL = "gallery-all"

# Mistakes.
MISTAKES_MATRIX = "mistakes-matrix"
MISTAKES_TABLE = "mistakes-table"
MISTAKES_WRONG = "mistakes-wrong"
MISTAKES_TRUE = "mistakes-true"
MISTAKES_PREDICTED = "mistakes-predicted"
MISTAKES_ORDER = "mistakes-order"
MISTAKES_COURSE = "mistakes-course"
MISTAKES_RESET = "mistakes-reset"
MISTAKES_CAPTION = "mistakes-caption"
MISTAKES_PAGE = "mistakes-page"
MISTAKES_REQUEST = "mistakes-request"
MISTAKES_GRAPH = "mistakes-graph"
MISTAKES_SHOWN = "mistakes-shown"
MISTAKES_CHOSEN = "mistakes-chosen"
MISTAKES_DETAIL = "mistakes-detail"

# Draw. It is run by assets/draw/canvas.js and assets/draw/upload.js, which know these ids too.
DRAW_CANVAS = "draw-canvas"
DRAW_CLEAR = "draw-clear"
DRAW_UNDO = "draw-undo"
DRAW_ANSWER = "draw-answer"
DRAW_INPUT = "draw-input"
DRAW_BARS = "draw-bars"
DRAW_OPEN = "draw-open"
DRAW_HINT = "draw-hint"
DRAW_FORM = "draw-form"
DRAW_MARKED = "draw-marked"
DRAW_RESTED = "draw-rested"
DRAW_LAST = "draw-last"
"""The last epoch that is kept; set where the Draw tab goes on showing the same network."""
COURSE_REQUEST = "course-request"
COURSE_GRAPH = "course-graph"
COURSE_PICTURE = "course-picture"
COURSE_CAPTION = "course-caption"

# Your handwriting, on the Draw tab.
HAND_OWNER = "hand-owner"
HAND_REQUEST = "hand-request"
HAND_CHANGED = "hand-changed"
HAND_SAY = "hand-say"
HAND_DELETE = "hand-delete-request"
HAND_DELETED = "hand-deleted"
HAND_UNDO = "hand-undo"
HAND_SUMMARY = "hand-summary"
HAND_LIST = "hand-list"
HAND_LESSONS = "hand-lessons"
HAND_MIXED = "hand-mixed"
HAND_TEACH = "hand-teach"
HAND_REPORT = "hand-report"


def hand_keep(digit: object) -> dict[str, object]:
    """The button that keeps the drawing as a digit."""
    return {"type": "hand-keep", "digit": digit}


def hand_delete(drawing: object) -> dict[str, object]:
    """The button that deletes a kept drawing."""
    return {"type": "hand-delete", "drawing": drawing}


# Inside.
INSIDE_SOURCE = "inside-source"
INSIDE_INDEX = "inside-index"
INSIDE_ANOTHER = "inside-another"
INSIDE_WRONG = "inside-wrong"
INSIDE_REQUEST = "inside-request"
INSIDE_CAPTION = "inside-caption"
INSIDE_SHOWN = "inside-shown"
INSIDE_FIGURES = "inside-figures"
INSIDE_BARS = "inside-bars"
INSIDE_LAYERS = "inside-layers"
INSIDE_POINT = "inside-point"
INSIDE_STEP = "inside-step"
INSIDE_OUTLINES = "inside-outlines"
INSIDE_METHOD = "inside-method"
INSIDE_DIGIT = "inside-digit"
INSIDE_MAPS_OF = "inside-maps-of"
INSIDE_MAPS_CHOICE = "inside-maps-choice"
INSIDE_REASONS = "inside-reasons"
INSIDE_FILTER_LAYER = "inside-filter-layer"
INSIDE_FILTER = "inside-filter"
INSIDE_FILTERS = "inside-filters"


def inside_maps(place: object) -> dict[str, object]:
    """The feature maps of a layer, by its place in the network: 0 is the image."""
    return {"type": "inside-maps", "place": place}


# Embedding.
EMBEDDING_METHOD = "embedding-method"
EMBEDDING_REQUEST = "embedding-request"
EMBEDDING_SHOWN = "embedding-shown"
EMBEDDING_GRAPH = "embedding-graph"
EMBEDDING_CAPTION = "embedding-caption"
EMBEDDING_PROGRESS = "embedding-progress"
EMBEDDING_CLOCK = "embedding-clock"
EMBEDDING_DETAIL = "embedding-detail"
EMBEDDING_CHOSEN = "embedding-chosen"
EMBEDDING_SEND = "embedding-send"

# CNN against MLP.
COMPARE_CNN = "compare-cnn"
COMPARE_TRAIN = "compare-train"
COMPARE_ERROR = "compare-error"
COMPARE_PICK = "compare-pick"
COMPARE_CHOICE = "compare-choice"
COMPARE_SENTENCE = "compare-sentence"
COMPARE_BODY = "compare-body"
COMPARE_STATES = "compare-states"
COMPARE_PAIRS = "compare-pairs"
COMPARE_CLOCK = "compare-clock"
COMPARE_CURVE = "compare-curve"
COMPARE_VERSION = "compare-version"
COMPARE_TABLE = "compare-table"
COMPARE_CAPTION = "compare-caption"
COMPARE_PROGRESS = "compare-progress"
COMPARE_DISTORTED = "compare-distorted"


def distorted(distortion: str) -> str:
    """The curves of networks whose test images are distorted in one way."""
    return f"compare-{distortion}"


def distorted_examples(distortion: str) -> str:
    """What that does to an image."""
    return f"compare-{distortion}-examples"


# Runs.
RUNS_GRID = "runs-grid"
RUNS_WATCH = "runs-watch"
RUNS_PAUSE = "runs-pause"
RUNS_STOP = "runs-stop"
RUNS_REPEAT = "runs-repeat"
RUNS_DELETE = "runs-delete"
RUNS_DELETED = "runs-deleted"
RUNS_DELETED_NAMES = "runs-deleted-names"
RUNS_DELETED_IDS = "runs-deleted-ids"
RUNS_UNDO = "runs-undo"
RUNS_SAY = "runs-say"
RUNS_ONE = "runs-one"
RUNS_ONE_SAY = "runs-one-say"
RUNS_EPOCH = "runs-epoch"
RUNS_REWIND = "runs-rewind"
RUNS_FIELD = "runs-field"
RUNS_VALUE = "runs-value"
RUNS_CHOICES = "runs-choices"
RUNS_FORK = "runs-fork"
RUNS_FILES = "runs-files"
RUNS_UPLOAD = "runs-upload"
RUNS_METRIC = "runs-metric"
RUNS_CURVES = "runs-curves"
RUNS_DIFFERENCES = "runs-differences"
RUNS_GROUP = "runs-group"
RUNS_GROUP_LINE = "runs-group-line"
RUNS_GROUP_SIZE = "runs-group-size"
