"""Notifies listeners of changes."""

import threading
from collections.abc import Callable


class ChangeNotifier:
    """Calls listeners after every change, from whichever thread made it."""

    def __init__(self) -> None:
        self._listeners: frozenset[Callable[[], None]] = frozenset()
        self._lock = threading.Lock()

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Adds a listener and returns a function that removes it.

        A listener must be quick and must not raise.
        """
        with self._lock:
            self._listeners |= {listener}

        def unsubscribe() -> None:
            with self._lock:
                self._listeners -= {listener}

        return unsubscribe

    def notify(self) -> None:
        """Calls all listeners. Do not hold a lock meanwhile."""
        for listener in self._listeners:
            listener()
