"""The preview frames of a run: in memory while it trains, then in a file beside its checkpoints."""

from pathlib import Path

from pydantic import TypeAdapter

from core.disk import atomic_write
from core.records.preview import PreviewFrame

MAX_FRAMES = 1000
"""A long run keeps fewer frames a second: 1000 are enough to watch it again."""

_frames_adapter = TypeAdapter(list[PreviewFrame])


class PreviewFrames:
    """Frames in the order of training. The lock of `core.runs.registry.Runs` guards them.

    Attributes:
        newest: the newest frame since Digit Lab was started; None after the run was rewound.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "preview.json"
        self.frames: list[PreviewFrame] = []
        self.newest: PreviewFrame | None = None

    def read(self) -> list[PreviewFrame]:
        """The frames in the file; none if it is missing or damaged."""
        try:
            return _frames_adapter.validate_json(self._path.read_bytes())
        except (OSError, ValueError):
            return []

    def resume(self, step: int) -> None:
        """Continues with the frames up to a step of the run."""
        self.frames = [frame for frame in self.read() if frame.step <= step]

    def append(self, frame: PreviewFrame) -> None:
        self.newest = frame
        self.frames.append(frame)
        if len(self.frames) > MAX_FRAMES:
            del self.frames[1::2]

    def save(self) -> None:
        """Writes the frames, if there are any, and frees their memory. Raises StorageError."""
        if self.frames:
            with atomic_write(self._path, "The preview") as path:
                path.write_bytes(_frames_adapter.dump_json(self.frames))
        self.frames = []
