"""Which network a page shows: read from the version that it sends."""

import pytest

from dashboard.components.checkpoint_ref import CheckpointRef


@pytest.mark.parametrize(
    ("version", "shown"),
    [
        ("a-run/7/e3", CheckpointRef("a-run", 3)),
        ("a-run/7/2.5", CheckpointRef("a-run")),
        ("a-run/7/e", CheckpointRef("a-run")),
        ("a-run/7/e-1", CheckpointRef("a-run")),
        ("nonsense", CheckpointRef()),
        (None, CheckpointRef()),
        (["a", "list"], CheckpointRef()),
    ],
)
def test_a_version_names_a_run_and_perhaps_an_epoch(version: object, shown: CheckpointRef) -> None:
    assert CheckpointRef.parse(version) == shown
