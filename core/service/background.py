"""What is done in the background beside training, one after the other in a thread of its own.

It does not know what is done.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable

from core.errors import CancelledError, DigitLabError

log = logging.getLogger(__name__)

BackgroundTask = Callable[[Callable[[], bool]], object]
"""Is given a question that it must ask now and then: whether it is to stop."""


class BackgroundTasks:
    """Does one errand at a time, however many are sent; may be asked from any thread."""

    def __init__(self, name: str) -> None:
        """
        Args:
            name: of the thread, which lives while there is something to do.
        """
        self._name = name
        self._waiting: deque[tuple[str, BackgroundTask]] = deque()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def send(self, name: str, errand: BackgroundTask) -> None:
        """Does something when those sent before are done. A failure is logged under that name."""
        with self._lock:
            self._waiting.append((name, errand))
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """Asks what is under way to end soon, and drops what waits."""
        self._stopped.set()

    def join(self, timeout: float) -> None:
        """Waits until nothing is under way, no longer than so many seconds."""
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join(timeout)

    def _work(self) -> None:
        while True:
            with self._lock:
                if self._stopped.is_set() or not self._waiting:
                    self._thread = None
                    return
                name, errand = self._waiting.popleft()
            try:
                errand(self._stopped.is_set)
            except CancelledError:
                pass
            except DigitLabError as error:
                log.warning("%s: %s", name, error)
            except Exception:
                log.exception("%s failed", name)
