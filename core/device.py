"""Device, precision and memory allocator."""

import ctypes
import platform
from dataclasses import dataclass
from typing import Any

import torch

# Parameters of glibc's mallopt(3), from its malloc.h.
_M_TRIM_THRESHOLD = -1
_M_TOP_PAD = -2
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8
_KEEP_BYTES = 1 << 30

DEVICE_TITLES = {"cpu": "CPU", "cuda": "CUDA GPU", "mps": "Apple GPU"}


@dataclass(frozen=True)
class Runtime:
    """The device and the precision, `fp32` or `bf16`, of a run."""

    device: torch.device
    precision: str

    @property
    def title(self) -> str:
        return DEVICE_TITLES.get(self.device.type, self.device.type)

    def to_dict(self) -> dict[str, Any]:
        """Everything about the machine that a run's numbers depend on."""
        return {
            "device": self.title,
            "precision": self.precision,
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
        }

    def autocast(self) -> torch.autocast:
        """A context in which matrix products use bfloat16, if that is the precision."""
        return torch.autocast(
            self.device.type, dtype=torch.bfloat16, enabled=self.precision == "bf16"
        )


def choose_runtime(precision: str = "auto") -> Runtime:
    """The best device of this machine; `auto` is the fastest precision of that device."""
    if torch.cuda.is_available():
        device = torch.device("cuda")
        # Tensor cores for fp32, and only kernels that give the same sums each time.
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.deterministic = True
    elif torch.backends.mps.is_available():
        device = torch.device("mps")
    else:
        device = torch.device("cpu")
    if precision == "auto":
        precision = "bf16" if _has_fast_bf16(device) else "fp32"
    return Runtime(device, precision)


def _has_fast_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        # oneDNN also accepts bf16 on CPUs that emulate it, where it is slower than fp32.
        flags = torch.cpu.get_capabilities()
        return bool(flags.get("avx512_bf16") or flags.get("amx_bf16") or flags.get("bf16"))
    return False


def configure_malloc() -> None:
    """Makes glibc keep freed memory for the next batch. Call it before the first tensor is made.

    Otherwise every large activation gets fresh zeroed pages: 7,500 page faults per step of
    SimpleCNN, and a third of the speed. One arena: the arena of a background thread would ignore
    these settings. Does nothing with another libc.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    mallopt = ctypes.CDLL(None).mallopt
    mallopt(_M_MMAP_THRESHOLD, _KEEP_BYTES)
    mallopt(_M_TRIM_THRESHOLD, _KEEP_BYTES)
    mallopt(_M_TOP_PAD, 64 << 20)
    mallopt(_M_ARENA_MAX, 1)
