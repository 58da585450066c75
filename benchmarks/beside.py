"""Python modules that run beside a benchmark, each in a process of its own.

A module prints one line when it is ready, begins when a line of input comes, and ends when its
input ends, with a line of JSON. This module does not know what any of them does.
"""

import json
import subprocess
import sys
from typing import Any

from tools.server import ROOT


class Beside:
    """A module with these arguments; `with` ends it in any case.

    Attributes:
        said: the line that it printed when it was ready.
    """

    def __init__(self, module: str, *arguments: str) -> None:
        """Starts it, and waits until it is ready."""
        command = [sys.executable, "-m", module, *arguments]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None, "it is a pipe"
        self.said = self._process.stdout.readline().strip()
        if not self.said:
            raise ChildProcessError(f"{module} ended with {self._process.wait()} at its start")

    def begin(self) -> None:
        assert self._process.stdin is not None, "it is a pipe"
        self._process.stdin.write("begin\n")
        self._process.stdin.flush()

    def end(self) -> Any:
        """What it found."""
        return json.loads(self._process.communicate()[0])

    def __enter__(self) -> "Beside":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait(30)
