"""The training service as a type. Its module loads torch, which the dashboard never imports."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.service.service import TrainingService as TrainingService
else:
    TrainingService = Any
