"""Background work beside training."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

from core.errors import CancelledError, DigitLabError, WrongStateError

log = logging.getLogger(__name__)

Result = TypeVar("Result")


class BackgroundTasks:
    """Runs tasks in threads. Tasks of the same queue run one after the other.

    The threads are daemons, unlike those of a `ThreadPoolExecutor`: a download that hangs must not
    keep the process alive.
    """

    def __init__(self) -> None:
        self._queues: dict[str, deque[tuple[Future[Any], Callable[[], Any]]]] = {}
        self._threads: dict[str, threading.Thread] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()

    def should_stop(self) -> bool:
        """Whether Digit Lab is shutting down. Long tasks must check it often."""
        return self._closing.is_set()

    def submit(self, queue: str, task: Callable[[], Result]) -> "Future[Result]":
        """Runs a task when the earlier ones of its queue are done.

        Raises:
            WrongStateError: Digit Lab is shutting down.
        """
        future: Future[Result] = Future()
        with self._lock:
            if self._closing.is_set():
                raise WrongStateError("Digit Lab is shutting down.")
            self._queues.setdefault(queue, deque()).append((future, task))
            if queue not in self._threads:
                thread = threading.Thread(target=self._work, args=(queue,), name=queue, daemon=True)
                self._threads[queue] = thread
                thread.start()
        return future

    def run(self, queue: str, title: str, task: Callable[[], object]) -> None:
        """Like `submit`, for tasks whose result nobody awaits. Failures are logged.

        Does nothing if Digit Lab is shutting down.
        """

        def log_failure() -> None:
            try:
                task()
            except CancelledError:
                pass
            except DigitLabError as error:
                log.warning("%s: %s", title, error)
            except Exception:
                log.exception("%s failed", title)

        with suppress(WrongStateError):
            self.submit(queue, log_failure)

    def stop(self) -> None:
        """Drops waiting tasks and tells running ones to stop."""
        with self._lock:
            self._closing.set()
            for queue in self._queues.values():
                for future, _ in queue:
                    future.cancel()
                queue.clear()

    def join(self, timeout: float) -> None:
        """Waits for running tasks, at most `timeout` seconds."""
        deadline = time.monotonic() + timeout
        with self._lock:
            threads = list(self._threads.values())
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _work(self, queue: str) -> None:
        """A queue's thread: ends when nothing waits."""
        while True:
            with self._lock:
                if not self._queues[queue]:
                    del self._threads[queue]
                    return
                future, task = self._queues[queue].popleft()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(task())
            except Exception as error:  # noqa: BLE001  # whoever awaits the future gets it
                future.set_exception(error)
