"""The machine: device, precision, memory allocator, and an import of torchvision that works.

Everything here is about where a computation runs. This module knows nothing of digits, of
training, or of the page.
"""

import ctypes
import importlib
import platform
import sys
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import torch

# Parameters of glibc's mallopt(3), from its malloc.h.
_M_TRIM_THRESHOLD = -1
_M_TOP_PAD = -2
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8
_KEEP_BYTES = 1 << 30

DEVICE_TITLES = {"cpu": "CPU", "cuda": "CUDA GPU", "mps": "Apple GPU"}

_schemas: torch.library.Library | None = None


@dataclass(frozen=True)
class Runtime:
    """Where and in which number format a run computes."""

    device: torch.device
    precision: str

    @property
    def title(self) -> str:
        return DEVICE_TITLES.get(self.device.type, self.device.type)

    def facts(self) -> dict[str, Any]:
        """What a run notes of the machine: its numbers depend on it."""
        return {
            "device": self.title,
            "precision": self.precision,
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
        }

    def autocast(self) -> torch.autocast:
        """A context in which matrix products use bfloat16, or one that changes nothing."""
        return torch.autocast(
            self.device.type, dtype=torch.bfloat16, enabled=self.precision == "bf16"
        )


def choose_runtime(precision: str = "auto") -> Runtime:
    """The best device of this machine, and the precision asked for or, for `auto`, its fastest."""
    if torch.cuda.is_available():
        device = torch.device("cuda")
        # Tensor cores for what stays in fp32; only kernels that give the same sums each time.
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
        # oneDNN also accepts bf16 on CPUs that only emulate it, where it is slower than fp32.
        flags = torch.cpu.get_capabilities()
        return bool(flags.get("avx512_bf16") or flags.get("amx_bf16") or flags.get("bf16"))
    return False


def configure_malloc() -> None:
    """Tell glibc to keep freed memory for the next batch instead of returning it to the system.

    Without this every large activation arrives as fresh zeroed pages: 7,500 page faults a step
    of SimpleCNN, and a third of the speed. One arena, because a background thread would otherwise
    get one of its own that ignores these settings. On another libc nothing happens. Call it
    before the first tensor is made.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    mallopt = ctypes.CDLL(None).mallopt
    mallopt(_M_MMAP_THRESHOLD, _KEEP_BYTES)
    mallopt(_M_TRIM_THRESHOLD, _KEEP_BYTES)
    mallopt(_M_TOP_PAD, 64 << 20)
    mallopt(_M_ARENA_MAX, 1)


def import_torchvision() -> ModuleType:
    """torchvision, also where its CUDA build stands beside a CPU build of torch.

    There the plain import stops at operators that the CPU build does not register; declaring
    their schemas is enough for `datasets` and `transforms.v2`, which never call them.
    """
    global _schemas
    try:
        return importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::nms does not exist" not in str(error):
            raise
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]  # half-imported
    _schemas = torch.library.Library("torchvision", "FRAGMENT")
    for operator in ("nms", "qnms"):
        _schemas.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return importlib.import_module("torchvision")
