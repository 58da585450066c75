"""What is done in the background beside training, in threads that can be waited for.

It does not know what is done.
"""

import logging
import threading
from collections.abc import Callable

from core.datasets import Cancelled
from core.errors import DigitLabError

log = logging.getLogger(__name__)

Errand = Callable[[Callable[[], bool]], object]
"""Is given a question that it must ask now and then: whether it is to stop."""


class Errands:
    """May be asked from any thread."""

    def __init__(self) -> None:
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def send(self, name: str, errand: Errand) -> None:
        """Does something in a thread of that name. One that fails or is cancelled is logged."""

        def run() -> None:
            try:
                errand(self._stopped.is_set)
            except (DigitLabError, Cancelled) as error:
                log.info("%s: %s", name, error)

        thread = threading.Thread(target=run, name=name, daemon=True)
        with self._lock:
            self._threads = [other for other in self._threads if other.is_alive()] + [thread]
            thread.start()

    def stop(self) -> None:
        """Asks all to end soon."""
        self._stopped.set()

    def join(self, timeout: float) -> None:
        """Waits for all, for each no longer than so many seconds."""
        with self._lock:
            threads = list(self._threads)
        for thread in threads:
            thread.join(timeout)
