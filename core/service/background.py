"""Background work beside training."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from core.errors import CancelledError, DigitLabError

log = logging.getLogger(__name__)

Result = TypeVar("Result")


class BackgroundTasks:
    """Runs tasks in threads. Tasks of the same queue run one after the other."""

    def __init__(self) -> None:
        self._queues: dict[str, ThreadPoolExecutor] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()

    def should_stop(self) -> bool:
        """Whether Digit Lab is shutting down. Long tasks must check it often."""
        return self._closing.is_set()

    def submit(self, queue: str, task: Callable[[], Result]) -> "Future[Result]":
        """Runs a task when the earlier ones of its queue are done.

        Raises:
            RuntimeError: Digit Lab is shutting down.
        """
        with self._lock:
            if queue not in self._queues:
                self._queues[queue] = ThreadPoolExecutor(1, thread_name_prefix=queue)
            return self._queues[queue].submit(task)

    def run(self, queue: str, title: str, task: Callable[[], object]) -> None:
        """Like `submit`, for tasks whose result nobody awaits: failures are logged."""

        def log_failure() -> None:
            try:
                task()
            except CancelledError:
                pass
            except DigitLabError as error:
                log.warning("%s: %s", title, error)
            except Exception:
                log.exception("%s failed", title)

        self.submit(queue, log_failure)

    def close(self) -> None:
        """Drops waiting tasks, tells running ones to stop, and waits for them."""
        self._closing.set()
        with self._lock:
            queues = list(self._queues.values())
        for queue in queues:
            queue.shutdown(wait=False, cancel_futures=True)
        for queue in queues:
            queue.shutdown()
