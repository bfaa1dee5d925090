"""On what a run was made: the machine and the versions of everything, as far as they matter to a reader."""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import requires, version
from pathlib import Path

from bench.database import ask
from bench.stand import Stand


def describe() -> dict[str, str | int]:
    return {"cpus": len(_usable()), "model": _model(), "memory_gb": _memory_gb(), "system": platform.system()}


def versions(stand: Stand) -> dict[str, str]:
    """Return the versions of Python, PostgreSQL and the libraries that Tidemark asks for."""
    ((postgres,),) = ask(stand.connection, "show server_version")
    names = sorted({re.split(r"[^A-Za-z0-9._-]", wish, maxsplit=1)[0] for wish in requires("tidemark") or ()})
    ours = {name: version(name) for name in names}
    return {"python": platform.python_version(), "postgresql": str(postgres), **ours}


def _usable() -> set[int]:
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def _model() -> str:
    said = Path("/proc/cpuinfo")
    if said.exists():
        found = re.search(r"^model name\s*:\s*(.+)$", said.read_text(encoding="utf-8"), re.MULTILINE)
        if found:
            return found[1]
    return platform.processor() or platform.machine()


def _memory_gb() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9)
