"""A preview of training for people who watch: some predictions, several times a second.

The training thread itself makes it between two batches: a second thread would compete with it for
the processor and slow it down far more. Nothing is computed while nobody watches, and a preview
never changes what the network learns.
"""

import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from core.records.preview import PreviewFrame
from core.training.control import TrainingControl
from core.training.evaluation import Evaluation
from core.training.progress import Progress
from core.training.state import TrainState

IMAGES_PER_DIGIT = 6
FIRST_STEPS = (5, 10, 20, 40)
"""Frames come after these steps, however quick they are: most is learned at the beginning."""

FRAME_SECONDS = 0.25
"""At least this long from one later frame to the next, on average."""

BUDGET = 0.04
"""The share of the time that a preview may take. Those of `FIRST_STEPS` take less: they read 60
images in the time of 40 batches."""

ESTIMATE_IMAGES = 1000
"""The estimate of the accuracy is the share of right ones among so many test images."""

MIN_ESTIMATE_IMAGES = 250
"""At first, among fewer."""

_CHUNK = 64  # images that are added to a frame or left out; each new size costs a set-up


def preview_images(labels: np.ndarray, sample: int = 0) -> np.ndarray:
    """Indices of the test images to show: `IMAGES_PER_DIGIT` rows of one image of each digit.

    The same for every run with the same test set. Fewer where there are no more.

    Args:
        labels: (N,) the true digits of the test set.
        sample: which images; training itself reads those of 0. After the last of a digit come the
            first again.
    """
    order = np.random.default_rng(0).permutation(len(labels))
    columns = [
        np.roll(order[labels[order] == digit], -sample * IMAGES_PER_DIGIT) for digit in range(10)
    ]
    rows = range(IMAGES_PER_DIGIT)
    return np.array([column[row] for row in rows for column in columns if row < len(column)], int)


class Preview:
    """Decides when a frame is due, and makes it.

    Frames after `FIRST_STEPS` read the images to show and no others. Later ones also read some
    further test images, as many as the budget allows. The estimate is taken over the last
    `ESTIMATE_IMAGES` of those, so it is up to some seconds old.
    """

    def __init__(
        self,
        images: Tensor,
        labels: Tensor,
        control: TrainingControl,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """
        Args:
            images, labels: the normalized test images (N, 1, 28, 28) and their labels (N,).
        """
        self._images, self._labels = images, labels
        self._control, self._clock = control, clock
        shown = preview_images(labels.cpu().numpy())
        self._shown = torch.from_numpy(shown).to(images.device)
        count = min(ESTIMATE_IMAGES, len(labels))
        # Evenly spaced: one half of MNIST's test set was written more neatly than the other.
        self._sample = torch.linspace(0, len(labels) - 1, count, device=images.device).long()
        self._is_right = torch.zeros(count, dtype=torch.bool, device=images.device)
        self._read = 0
        self._chunk = _CHUNK
        self._due_at = float("-inf")

    def is_due(self, step: int) -> bool:
        """Whether to make a frame after `step` batches of the run."""
        if step < FIRST_STEPS[0] or not self._control.is_watched():
            return False
        return step in FIRST_STEPS or self._clock() >= self._due_at

    def frame(self, state: TrainState, progress: Progress) -> PreviewFrame:
        """Reads the images to show and the next ones of the estimate."""
        started = self._clock()
        count = len(self._sample)
        chunk = 0 if progress.step in FIRST_STEPS else min(self._chunk, count)
        places = torch.arange(self._read, self._read + chunk) % count
        more = self._sample[places]
        indices = torch.cat([self._shown, more])
        digits = state.predict(self._images[indices])
        shown, others = digits.split([len(self._shown), len(more)])
        self._is_right[places] = others == self._labels[more]
        self._read += len(more)
        read = min(self._read, count)
        accuracy = None
        if read >= min(MIN_ESTIMATE_IMAGES, count):
            accuracy = self._is_right[:read].float().mean().item()
        frame = _frame(progress, shown.tolist(), accuracy)
        self._schedule(started, len(indices))
        return frame

    def frame_of(self, evaluation: Evaluation, progress: Progress) -> PreviewFrame:
        """The frame that an evaluation gives at no cost, with the exact accuracy."""
        digits = torch.from_numpy(evaluation.probabilities.argmax(1)).to(self._labels.device)
        self._is_right = digits[self._sample] == self._labels[self._sample]
        self._read = len(self._sample)  # estimates go on from here
        self._due_at = max(self._due_at, self._clock() + FRAME_SECONDS)
        return _frame(progress, digits[self._shown].tolist(), evaluation.accuracy, exact=True)

    def _schedule(self, started: float, images: int) -> None:
        """Chooses the time and the size of the next frame by what this one took."""
        seconds = self._clock() - started
        # A frame waits for the end of a batch; the next one makes up for that.
        late = started - self._due_at
        base = self._due_at if 0 <= late < FRAME_SECONDS else started
        self._due_at = base + max(FRAME_SECONDS, seconds / BUDGET)
        affordable = BUDGET * FRAME_SECONDS * images / max(seconds, 1e-9) - len(self._shown)
        chunk = int(min(max(affordable, 0), len(self._sample))) // _CHUNK * _CHUNK
        # On a slow machine every other frame reads some, and the next one comes later.
        self._chunk = chunk or (0 if self._chunk else _CHUNK)


def _frame(
    progress: Progress, digits: list[int], accuracy: float | None, exact: bool = False
) -> PreviewFrame:
    return PreviewFrame(
        step=progress.step,
        progress=progress.epochs_done,
        seconds=progress.seconds,
        digits="".join(map(str, digits)),
        accuracy=accuracy,
        exact=exact,
    )
