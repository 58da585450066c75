"""Types of what the page sends. `dashboard/callbacks.py` checks them."""

from typing import Annotated

from pydantic import Field

Count = Annotated[int, Field(ge=0, le=10**9)]
"""A number of clicks, an index of an image: whatever is counted from 0."""
Digit = Annotated[int, Field(ge=0, le=9)]
Version = str | None
"""Names a network: see `dashboard.components.checkpoint_ref`."""
