"""Background work beside training."""

import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import suppress
from typing import Any, TypeVar

from core.errors import CancelledError, DigitLabError, WrongStateError

log = logging.getLogger(__name__)

Result = TypeVar("Result")
_Tasks = deque[tuple[Future[Any], Callable[[], Any]]]


class BackgroundTasks:
    """Runs tasks in threads. Tasks of the same queue run one after the other.

    The threads are daemons, unlike those of a `ThreadPoolExecutor`: a download that hangs must not
    keep the process alive. They end when nothing waits: a thread that has computed keeps its OpenMP
    threads, and with more of these than processors libgomp puts them to sleep between operations.
    Speedrun then trained at 0.83 of its speed.
    """

    def __init__(self) -> None:
        self._queues: dict[str, _Tasks] = {}
        self._pending: set[Future[Any]] = set()
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
            self._pending.add(future)
            future.add_done_callback(self._pending.discard)
            tasks = self._queues.setdefault(queue, deque())
            tasks.append((future, task))
            if len(tasks) == 1:
                threading.Thread(target=self._work, args=(tasks,), name=queue, daemon=True).start()
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
            for future in list(self._pending):
                future.cancel()

    def join(self, timeout: float) -> None:
        """Waits for running tasks, at most `timeout` seconds."""
        wait(list(self._pending), timeout)

    def _work(self, tasks: _Tasks) -> None:
        """A queue's thread. The first of its tasks is the one that runs."""
        more = True
        while more:
            future, task = tasks[0]
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(task())
                except Exception as error:  # noqa: BLE001  # whoever awaits the future gets it
                    future.set_exception(error)
            with self._lock:
                tasks.popleft()
                more = bool(tasks)
