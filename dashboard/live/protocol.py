"""The messages of `/api/live`, as typed records."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from core.records.metrics import Metrics
from core.records.preview import PreviewFrame
from core.records.runs import RunSnapshot

PROTOCOL = 3
"""Increased when pages of earlier versions have to be reloaded."""


Want = Literal["preview"]
"""A part of the messages that a page gets only if it asks for it."""


class Place(BaseModel):
    """Where a page stands. Unknown fields are ignored; the defaults ask for everything."""

    model_config = ConfigDict(frozen=True)

    server: str = Field("", max_length=100, description="`server` of the last message.")
    version: int = Field(-1, ge=-1, description="`version` of the last message.")
    run: str | None = Field(
        None,
        max_length=100,
        description="The run to follow. Without it: the run that trains, or else the newest.",
    )
    shown: str | None = Field(None, max_length=100, description="`shown` of the last message.")
    revision: int = Field(0, ge=0, description="`revision` of the last message.")
    cursor: int = Field(0, ge=0, description="`cursor` of the last message.")
    wants: tuple[Want, ...] = Field(
        (), description="Parts to send as well: `preview` has training make previews."
    )


class Network(BaseModel):
    """The networks of a run that a page can look at."""

    newest: str | None = Field(
        description="Changes with the newest weights: RUN/REVISION/POSITION."
    )
    kept: list[int] = Field(description="The epochs whose networks are kept; 0 is untrained.")


class Message(BaseModel):
    """What is newer than a page's place. Parts without news are missing."""

    server: str = Field(description="A random name of the server's process.")
    version: int = Field(description="Grows with every look for changes.")
    protocol: int = PROTOCOL
    shown: str | None = Field(None, description="The run that the message is about.")
    revision: int = Field(0, description="Its revision: another one means that events were undone.")
    cursor: int = Field(0, description="How many events the page has after this message.")
    first: int | None = Field(
        None,
        serialization_alias="from",
        description="The index of the first event; 0 also means: drop the events you have.",
    )
    events: list[Metrics] | None = None
    run: RunSnapshot | None = Field(None, description="As `GET /api/runs/{id}` gives it.")
    network: Network | None = None
    preview: PreviewFrame | None = Field(
        None, description="What the network reads in the preview images now."
    )
    text: dict[str, str] | None = Field(None, description="Formatted figures of the run.")
    runs: list[dict[str, Any]] | None = Field(None, description="Changed rows of the runs table.")
    removed: list[str] | None = Field(None, description="Runs that are gone.")
    problem: str | None = Field(None, description='What cannot be shown now; "" when all can.')
    ping: bool | None = Field(None, description="Nothing happened for 5 seconds.")

    def to_text(self) -> str:
        return self.model_dump_json(by_alias=True, exclude_unset=True)
