"""The inside of a worker: answers requests, one JSON line each, until nobody asks any more.

It imports only the standard library, as it also runs in the environments of others.
"""

from __future__ import annotations

import gc
import json
import os
import re
import resource
import sys
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

Handler = Callable[..., Mapping[str, Any]]


def answer(handlers: Mapping[str, Handler], libraries: tuple[str, ...]) -> None:
    """Answer requests from stdin on stdout; what libraries print goes to stderr.

    ``libraries``: whose versions are told when asked for.
    """
    mine: dict[str, Handler] = {
        "peak": peak,
        "versions": lambda: {"versions": {name: version(name) for name in libraries}},
    }
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        said = (mine | dict(handlers))[request.pop("do")](**request)
        replies.write(json.dumps(said) + "\n")
        replies.flush()


def peak() -> Mapping[str, Any]:
    """Return the most memory that this process ever had resident, in MB (10^6 bytes)."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux lets ru_maxrss begin with the peak of the process that started this one
        found = re.search(r"^VmHWM:\s*(\d+) kB$", status.read_text(encoding="ascii"), re.MULTILINE)
        if found:
            return {"mb": int(found[1]) * 1024 / 1e6}
    said = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"mb": said / 1e6 if sys.platform == "darwin" else said * 1024 / 1e6}


class Stopwatch:
    """Measures its ``with`` block; garbage of what was before is collected first."""

    seconds: float

    def __enter__(self) -> Stopwatch:
        gc.collect()
        self._began = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self._began
