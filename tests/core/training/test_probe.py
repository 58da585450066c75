"""The probe of the speed: it trains, ends when told, and leaves the global generator alone."""

import pytest
import torch

from core.config import PRESETS, TrainConfig
from core.device import choose_runtime
from core.errors import CancelledError
from core.training import probe
from core.training.probe import images_per_second


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "MAX_STEPS", 1)


@pytest.mark.parametrize("name", PRESETS)
def test_it_takes_no_random_numbers_from_a_run_in_another_thread(name: str) -> None:
    config = PRESETS[name].config.model_copy(update={"batch_size": 2})
    before = torch.get_rng_state()
    assert images_per_second(config, choose_runtime(config.precision)) > 0
    assert torch.equal(torch.get_rng_state(), before)


def test_it_ends_when_told() -> None:
    answers = iter([False, True])
    config = TrainConfig(model="mlp", batch_size=2)
    with pytest.raises(CancelledError):
        images_per_second(config, choose_runtime("fp32"), lambda: next(answers))
