"""What outlives the process: the weights of each run, one folder a run.

This module does not know how weights came about, or who reads them.
"""

from pathlib import Path

import torch
from torch import Tensor

from core.events import FolderUnusable


class RunStore:
    """The folder in which runs are kept."""

    def __init__(self, root: Path) -> None:
        """
        Raises:
            FolderUnusable: the folder cannot be made or written to.
        """
        self.root = root
        try:
            root.mkdir(parents=True, exist_ok=True)
            probe = root / ".writable"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise FolderUnusable(
                f"Runs cannot be kept in {root}: {error.strerror or error}. "
                "Name another folder with --runs-dir."
            ) from error

    def save_weights(self, run_id: str, model: str, state_dict: dict[str, Tensor]) -> Path:
        """Writes `<run>/<model>.pth`, which the notebook's `torch.load` reads.

        Raises:
            OSError: the file cannot be written.
        """
        path = self.root / run_id / f"{model}.pth"
        path.parent.mkdir(exist_ok=True)
        save_weights(state_dict, path)
        return path


def save_weights(state_dict: dict[str, Tensor], path: Path) -> None:
    """Writes a `.pth` file whole or not at all: whoever reads it never finds half of one.

    Raises:
        OSError: the file cannot be written.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as sink:
            torch.save(state_dict, sink)
        part.replace(path)
    except RuntimeError as error:  # torch's word for a full disk
        raise OSError(f"{path} could not be written: {error}") from error
    finally:
        part.unlink(missing_ok=True)
