"""What the browser keeps of a control when its page is loaded anew.

It does not know which controls there are.
"""

from typing import Any

KEEP: dict[str, Any] = {"persistence": True, "persistence_type": "session"}
"""Properties of a control whose value outlives a reload, in its own tab of the browser."""
