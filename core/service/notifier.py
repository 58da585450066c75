"""Notifies listeners of changes."""

from collections.abc import Callable


class ChangeNotifier:
    """Calls listeners after every change, from whichever thread made it."""

    def __init__(self) -> None:
        self._listeners: dict[object, Callable[[], None]] = {}

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Calls `listener` after every change; returns a function that unsubscribes it.

        A listener is called from any thread, must be quick and must not raise.
        """
        key = object()
        self._listeners[key] = listener

        def unsubscribe() -> None:
            self._listeners.pop(key, None)

        return unsubscribe

    def notify(self) -> None:
        """Calls all listeners. Do not hold a lock meanwhile."""
        for listener in list(self._listeners.values()):
            listener()
