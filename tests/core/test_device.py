"""The choice of device and precision, and set-up that works on every machine."""

import ctypes
import platform

import pytest
import torch

from core.device import Runtime, choose_runtime, configure_malloc

CPU = torch.device("cpu")


@pytest.fixture
def cpu_only(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine without any GPU."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    return monkeypatch


@pytest.mark.parametrize(
    ("flags", "precision"),
    [
        ({"avx512_bf16": True}, "bf16"),
        ({"amx_bf16": True}, "bf16"),
        ({"bf16": True}, "bf16"),
        ({"avx512_bf16": False, "avx512_f": True, "avx2": True}, "fp32"),
        ({}, "fp32"),
    ],
)
def test_a_cpu_computes_in_bf16_only_if_it_has_it(
    cpu_only: pytest.MonkeyPatch, flags: dict[str, bool], precision: str
) -> None:
    cpu_only.setattr(torch.cpu, "get_capabilities", lambda: flags)

    assert choose_runtime() == Runtime(CPU, precision)
    assert choose_runtime("auto") == Runtime(CPU, precision)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_precision_that_was_asked_for_is_used_on_any_cpu(
    cpu_only: pytest.MonkeyPatch, precision: str
) -> None:
    for flags in ({}, {"bf16": True}):
        cpu_only.setattr(torch.cpu, "get_capabilities", lambda flags=flags: flags)
        assert choose_runtime(precision).precision == precision


@pytest.mark.parametrize(("supported", "precision"), [(True, "bf16"), (False, "fp32")])
def test_a_cuda_gpu_comes_before_the_cpu(
    monkeypatch: pytest.MonkeyPatch, supported: bool, precision: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: supported)

    assert choose_runtime() == Runtime(torch.device("cuda"), precision)


def test_an_apple_gpu_computes_in_fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)

    assert choose_runtime() == Runtime(torch.device("mps"), "fp32")


@pytest.mark.parametrize(
    ("device", "title"), [("cpu", "CPU"), ("cuda", "CUDA GPU"), ("mps", "Apple GPU")]
)
def test_a_device_has_a_name_for_people(device: str, title: str) -> None:
    assert Runtime(torch.device(device), "fp32").title == title


@pytest.mark.parametrize(
    ("precision", "dtype"), [("bf16", torch.bfloat16), ("fp32", torch.float32)]
)
def test_autocast_computes_in_the_chosen_precision(precision: str, dtype: torch.dtype) -> None:
    one = torch.ones(2, 2)

    with Runtime(CPU, precision).autocast():
        assert (one @ one).dtype == dtype
    assert (one @ one).dtype == torch.float32


def test_memory_settings_can_be_made_more_than_once_on_this_machine() -> None:
    configure_malloc()
    configure_malloc()


def test_memory_settings_reach_glibc(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: dict[int, int] = {}

    class Library:
        def __init__(self, name: None) -> None:
            self.mallopt = calls.__setitem__

    monkeypatch.setattr(platform, "libc_ver", lambda: ("glibc", "2.36"))
    monkeypatch.setattr(ctypes, "CDLL", Library)
    configure_malloc()

    trim_threshold, top_pad, mmap_threshold, arena_max = -1, -2, -3, -8
    assert calls[arena_max] == 1
    assert min(calls[trim_threshold], calls[mmap_threshold]) >= 1 << 28
    assert calls[top_pad] >= 1 << 20


@pytest.mark.parametrize("libc", [("", ""), ("libc", "1.2.5"), ("musl", "1.2.5")])
def test_nothing_is_called_on_another_libc(
    monkeypatch: pytest.MonkeyPatch, libc: tuple[str, str]
) -> None:
    def refuse(name: object) -> None:
        raise AssertionError("no library may be opened here")

    monkeypatch.setattr(platform, "libc_ver", lambda: libc)
    monkeypatch.setattr(ctypes, "CDLL", refuse)

    configure_malloc()
