"""Which network a view shows: a run and an epoch.

The page names a network by a text that changes whenever the network does. It has the form
`RUN/REVISION/POSITION`. The position is `e3` for the network after epoch 3. Any other position
stands for the run's newest network.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class CheckpointRef:
    """A run and an epoch. None stands for the newest run or the newest network."""

    run_id: str | None = None
    epoch: int | None = None

    @classmethod
    def parse(cls, version: object) -> "CheckpointRef":
        """Reads a version that the page sent; the newest network of all if it is no version."""
        parts = str(version or "").split("/")
        if len(parts) != 3:
            return cls()
        run_id, _, position = parts
        chosen = position.startswith("e") and position[1:].isdecimal()
        return cls(run_id, int(position[1:]) if chosen else None)
