"""What the presets promise on this computer."""

from dataclasses import dataclass
from typing import Literal

PromiseState = Literal["measured", "measuring", "unknown"]


@dataclass(frozen=True)
class Promise:
    """About how long a preset takes beside an open page, and how many of the test images it then
    reads right, from 0 to 1.

    None where nobody knows.
    """

    seconds: float | None
    accuracy: float | None


@dataclass(frozen=True)
class Promises:
    """The promises of all presets by name, and the device that they hold for.

    `state` is `measuring` for about a second when somebody first asks, and `unknown` while the
    device is busy with a run.
    """

    device: str
    state: PromiseState
    presets: dict[str, Promise]
