"""Which network a view shows: a run and an epoch.

The page names a network by a text that changes whenever the network does. It has the form
`RUN/REVISION/POSITION`. The position is `e3` for the network after epoch 3. Any other position
stands for the run's newest network.
"""

import re
from dataclasses import dataclass

_VERSION = re.compile(r"(?P<run>[^/]*)/[^/]*/(e(?P<epoch>[0-9]{1,9})|[^/]*)", re.DOTALL)


@dataclass(frozen=True)
class CheckpointRef:
    """A run and an epoch. None stands for the newest run or the newest network."""

    run_id: str | None = None
    epoch: int | None = None

    @classmethod
    def parse(cls, version: object) -> "CheckpointRef":
        """Reads a version that the page sent; the newest network of all if it is no version."""
        found = _VERSION.fullmatch(version) if isinstance(version, str) else None
        if found is None:
            return cls()
        return cls(found["run"], None if found["epoch"] is None else int(found["epoch"]))
