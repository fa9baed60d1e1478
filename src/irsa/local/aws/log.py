"""
The record of every call: who, what, on what, and whether or why not.

Never here: tokens, keys, bodies.
"""

import json
import threading
from datetime import datetime
from pathlib import Path
from typing import Any


class CallLog:
    """One JSON object a line; a line is written whole, and at once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        path.touch(mode=0o600)

    def write(self, time: datetime, entry: dict[str, Any]) -> None:
        """Add a call."""
        stamp = time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        known = {key: value for key, value in entry.items() if value is not None}
        line = json.dumps({"time": stamp, **known}, ensure_ascii=False)
        with self._lock, self._path.open("a") as file:
            file.write(line + "\n")
