"""The queue has a last place: what would need more is refused, and changes nothing."""

from collections.abc import Callable
from pathlib import Path

import pytest

from core.config import TrainConfig
from core.errors import WrongStateError
from core.service import worker
from core.service.service import TrainingService
from tests.support import Finish, MakeService

Call = Callable[[TrainingService, TrainConfig, str], object]
CALLS: dict[str, Call] = {
    "start": lambda service, config, _: service.runs.start(config),
    "pair": lambda service, config, _: service.runs.start_pair(config),
    "repeat": lambda service, _, run_id: service.runs.repeat(run_id, 3),
    "fork": lambda service, _, run_id: service.runs.fork(run_id, 1, {"epochs": 9}),
    "resume": lambda service, _, run_id: service.runs.resume(run_id),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_full_queue_refuses_with_a_sentence(
    make_service: MakeService,
    tiny_config: TrainConfig,
    tmp_path: Path,
    finish: Finish,
    monkeypatch: pytest.MonkeyPatch,
    call: str,
) -> None:
    monkeypatch.setattr(worker, "MAX_QUEUED", 2)
    service = make_service()
    run_id = service.runs.start(tiny_config)
    finish(service, run_id)
    service.runs.rewind(run_id, 1)
    endless = tiny_config.model_copy(update={"epochs": 2000})
    for _ in range(3):  # the first of them trains
        service.runs.start(endless)
    before, files = service.runs.all(), sorted(tmp_path.rglob("*"))

    with pytest.raises(WrongStateError, match=r"^The queue is full: .* 2 runs .*\.$"):
        CALLS[call](service, tiny_config, run_id)

    after = service.runs.all()
    assert [(run.run_id, run.state) for run in after] == [(run.run_id, run.state) for run in before]
    assert {path.parent for path in tmp_path.rglob("*")} <= {path.parent for path in files} | {
        tmp_path / "runs" / run.run_id for run in before
    }
