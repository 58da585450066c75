"""A page that follows, for the tests of the live layer."""

import json
from collections.abc import Collection
from typing import Any

from dashboard.live.protocol import Place, Want
from dashboard.live.updates import Changes, place_after, update

PLACE = {"server", "version", "shown", "revision", "cursor"}
"""The fields of a message that are the page's place afterwards."""


class Page:
    """What a page knows, and does with a message."""

    def __init__(self, run: str | None = None, wants: Collection[Want] = ()) -> None:
        self.place = Place(run=run, wants=tuple(wants))
        self.rows: dict[str, dict[str, Any]] = {}
        self.events: list[dict[str, Any]] = []
        self.heard = 0
        """How many events it was sent."""

    def take(self, message: dict[str, Any]) -> dict[str, Any]:
        """Takes a message over; returns what is new in it."""
        self.place = self.place.model_copy(update={name: message[name] for name in PLACE})
        if "from" in message:
            assert message["from"] in (0, len(self.events)), "nothing is missing, or sent twice"
            self.events[message["from"] :] = message["events"]
            self.heard += len(message["events"])
        assert message["cursor"] == len(self.events)
        self.rows.update({row["run_id"]: row for row in message.get("runs", [])})
        for run_id in message.get("removed", []):
            self.rows.pop(run_id, None)
        return {name: part for name, part in message.items() if name not in {*PLACE, "protocol"}}

    def look(self, changes: Changes) -> dict[str, Any]:
        """Asks for what is new, and takes it over."""
        changes.refresh()
        message = update(changes, self.place)
        after = place_after(message, self.place)
        news = self.take(json.loads(message.to_text()))
        assert self.place == after
        return news
