"""Treats the two clicks of a double click as one press of a button.

The page ignores the second click (`assets/components/presses.js`). The server does so as well, for
pages whose script fails.
"""

import asyncio
from collections.abc import Callable, Hashable
from time import monotonic
from typing import Any, TypeVar

from dash import Output, ctx

SECONDS = 1.0
"""A second click this soon after the first belongs to it."""
PRESS_ONCE = "press-once"
"""The class of buttons whose second click the page ignores."""
VISITOR = "visitor"
"""The cookie that `assets/components/presses.js` sets, with a random value."""

Answer = TypeVar("Answer")


def working(button: str) -> tuple[Output, str, str]:
    """A callback's `running` entry: the button looks busy while the callback runs."""
    return Output(button, "className"), f"{PRESS_ONCE} working", PRESS_ONCE


class Presses:
    """The presses of the last second, and those still in progress. Belongs to one event loop."""

    def __init__(self) -> None:
        self._presses: dict[Hashable, tuple[float, asyncio.Task[Any]]] = {}

    async def once(self, act: Callable[..., Answer], *arguments: Any) -> Answer:
        """Calls `act` in a thread, for a callback of Dash.

        The same call from the same browser gets the result of the first call, without another call
        of `act`, for a second and as long as the first call runs. A cookie distinguishes browsers,
        because computers behind one router share an address.

        Raises:
            Exception: whatever `act` raises.
        """
        now = monotonic()
        self._presses = {
            key: (pressed, task)
            for key, (pressed, task) in self._presses.items()
            if not task.done() or now - pressed < SECONDS
        }
        key = (ctx.cookies.get(VISITOR), ctx.remote, act, repr(arguments))
        if key not in self._presses:
            task = asyncio.create_task(asyncio.to_thread(act, *arguments))
            self._presses[key] = now, task
        answer: Answer = await asyncio.shield(self._presses[key][1])
        return answer
