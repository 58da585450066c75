"""Which network a page shows: a run, at its newest or at a chosen epoch; in words, too.

The page knows it as a version, a text that changes whenever the network does: that of the newest
network, which the live layer tells it, `RUN/REVISION/PLACE`, or with `e3` as the place for epoch 3,
or with the run's state while it has no network.
Every view that asks a network sends it back. This module does not know what is asked.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Shown:
    """A run and an epoch of it as `core.service.predictions` takes them; None stands for the newest."""

    run_id: str | None = None
    epoch: int | None = None

    @classmethod
    def parse(cls, version: object) -> "Shown":
        """What a version stands for; the newest network of all for anything else."""
        parts = str(version or "").split("/")
        if len(parts) != 3:
            return cls()
        run_id, _, place = parts
        chosen = place.startswith("e") and place[1:].isdecimal()
        return cls(run_id, int(place[1:]) if chosen else None)


def epoch_number(progress: float) -> str:
    """A number of epochs, with two decimals at most: `3`, `3.34`.

    A place within an epoch never reads as the beginning or the end of one: 3.001 is `3.01`.
    """
    whole = int(progress)
    within = progress - whole
    if not within:
        return str(whole)
    return f"{whole + min(max(within, 0.01), 0.99):.2f}".rstrip("0")


def when(progress: float) -> str:
    """How far the network had come that is shown, as the end of a sentence."""
    if not progress:
        return "before it has learnt anything"
    return f"after {epoch_number(progress)} {'epoch' if progress == 1 else 'epochs'}"
