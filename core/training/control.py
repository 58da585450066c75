"""Requests to a training loop that runs in another thread."""

import threading
import time
from collections import deque

PUBLISH_SECONDS = 0.5
"""Weights are published at most this often: each copy costs some milliseconds."""

WATCH_SECONDS = 8.0
"""Whoever watches says so again within this time."""


class TrainingControl:
    """A mailbox between those who watch a run and `fit`, which reads it before each batch."""

    def __init__(self, learning_rate: float | None = None) -> None:
        self._stop = threading.Event()
        self._publish = False
        self._published_at = float("-inf")
        self._learning_rates = deque([learning_rate] if learning_rate else [], maxlen=1)
        self._watched_until = float("-inf")

    def stop(self) -> None:
        """Ends training before the next batch."""
        self._stop.set()

    def set_learning_rate(self, rate: float) -> None:
        """Changes the learning rate (the peak of a cycle) from the next batch on."""
        self._learning_rates.append(rate)

    def publish_weights(self) -> None:
        """Asks for a copy of the weights, which comes within `PUBLISH_SECONDS`."""
        self._publish = True

    def watch(self) -> None:
        """Asks for previews during the next `WATCH_SECONDS`."""
        self._watched_until = time.monotonic() + WATCH_SECONDS

    def is_watched(self) -> bool:
        return time.monotonic() < self._watched_until

    def should_stop(self) -> bool:
        return self._stop.is_set()

    def should_publish(self) -> bool:
        """Whether weights were asked for, and the last copy is old enough."""
        if not self._publish or time.monotonic() - self._published_at < PUBLISH_SECONDS:
            return False
        self._publish, self._published_at = False, time.monotonic()
        return True

    def new_learning_rate(self) -> float | None:
        """The learning rate that was set since the last call, if any."""
        return self._learning_rates.pop() if self._learning_rates else None
