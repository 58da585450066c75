"""The training loop."""

import time
from collections.abc import Callable, Iterator

import numpy as np

from core.config import TrainConfig
from core.data.dataset import Dataset, normalize
from core.device import Runtime, choose_runtime
from core.errors import CancelledError
from core.records.metrics import Metrics
from core.records.preview import PreviewFrame
from core.training.batches import ShuffledBatches
from core.training.control import TrainingControl
from core.training.preview import Preview
from core.training.progress import Progress
from core.training.state import Checkpoint, Position, ResumeState, TrainState

Event = Metrics | Checkpoint | PreviewFrame


def fit(
    config: TrainConfig,
    data: Dataset,
    runtime: Runtime | None = None,
    control: TrainingControl | None = None,
    resume: ResumeState | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> Iterator[Event]:
    """Trains a model in the thread that iterates it, and yields metrics and checkpoints.

    A new run first yields the untrained model's checkpoint. Each evaluation yields an
    `EpochMetrics`, then a `Checkpoint`. The same seed gives the same events, bit for bit on one
    machine, in one go or with interruptions. Previews come only while somebody watches, as time
    allows, and change no other event.

    Args:
        control: stops training, changes the learning rate, or asks for a checkpoint between two
            evaluations. After a stop, the last event is a checkpoint to resume from.
        resume: continues from there. The configuration may differ from the earlier one except in
            model, data set, seed and number of training images; batch size and evaluations per
            epoch, and the training images themselves, may change only at the end of an epoch.
        clock: seconds, for speeds and elapsed times only.

    Raises:
        TrainingDivergedError: the loss is infinite or not a number.
    """
    runtime = runtime or choose_runtime(config.precision)
    control = control or TrainingControl()
    batches = ShuffledBatches(data, config, runtime.device)
    test_images = normalize(data.test_images.to(runtime.device))
    test_labels = data.test_labels.to(runtime.device)
    state = TrainState(config, runtime)
    position = resume.position if resume else Position()
    progress = Progress(config, batches.per_epoch, runtime.device, position, clock)
    preview = Preview(test_images, test_labels, control, clock)

    def checkpoint(
        test_probabilities: np.ndarray | None = None, resumable: bool = False
    ) -> Checkpoint:
        return Checkpoint(
            model=config.model,
            epoch=progress.epoch if progress.step else 0,
            step=progress.step,
            progress=progress.epochs_done,
            state_dict=state.weights(),
            test_probabilities=test_probabilities,
            resume=ResumeState(progress.position(), state.state_dict()) if resumable else None,
        )

    def evaluate() -> Iterator[Event]:
        evaluation = state.evaluate(test_images, test_labels, control.should_stop)
        yield progress.epoch_metrics(evaluation)
        yield checkpoint(evaluation.probabilities, resumable=progress.is_epoch_complete)
        if control.is_watched():
            yield preview.frame_of(evaluation, progress)

    if resume:
        state.load_state_dict(resume.tensors)
    else:
        yield checkpoint()
    try:
        if progress.is_evaluation_due:  # the run was stopped during this evaluation
            yield from evaluate()
        for epoch in progress.remaining_epochs():
            for images, labels in batches.of_epoch(epoch, start=progress.batch):
                if control.should_stop():
                    raise CancelledError
                if new_rate := control.new_learning_rate():
                    yield progress.set_learning_rate(new_rate)
                rate = progress.start_batch()
                loss, correct = state.step(images, labels, rate)
                progress.end_batch(loss, correct, len(labels))
                if progress.is_report_due:
                    yield progress.batch_metrics(rate)
                if progress.is_evaluation_due:
                    yield from evaluate()
                    continue
                if control.should_publish():
                    yield checkpoint()
                if preview.is_due(progress.step):
                    yield preview.frame(state, progress)
    except CancelledError:
        if new_rate := control.new_learning_rate():
            yield progress.set_learning_rate(new_rate)
        yield checkpoint(resumable=True)
