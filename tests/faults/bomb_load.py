"""A process with little memory that loads bombs over a month that is published; run by ``test_bombs``.

Arguments: the folder of the bombs, the home of the depot, and the address of its database.
"""

from __future__ import annotations

import json
import resource
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.depot import FEBRUARY, Depot
from tidemark.settings import Secret, read_settings

SPARE_BYTES = 4 << 30  # of address space, most of which is only reserved: so that no bomb harms the machine


def main(bombs: Path, home: Path, url: str) -> None:
    """Load each bomb as February, and tell how it ended and the memory that it all took."""
    import pandas  # noqa: F401 - what staging imports is no part of what a bomb takes
    import pgpq  # noqa: F401
    import pyarrow.parquet  # noqa: F401

    import checks.versions

    settings = read_settings({"TIDEMARK_HOME": str(home / "home"), "TIDEMARK_SOURCE": str(home / "source")})
    depot = Depot(source=home / "source", settings=settings, url=Secret(url))
    place = depot.source / depot.dataset.file_name(FEBRUARY)
    assert checks.versions.versions_of(depot.dataset) == depot.versions
    limit = _status("VmSize") + SPARE_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    before = _peak()
    ended = dict(_loaded(depot, bombs, place))
    json.dump({"ended": ended, "grown": _peak() - before}, sys.stdout)


def _loaded(depot: Depot, bombs: Path, place: Path) -> Iterator[tuple[str, tuple[str, str, str]]]:
    for bomb in sorted(bombs.iterdir()):
        shutil.copyfile(bomb, place)
        result = depot.load(FEBRUARY)
        yield bomb.name, (result.outcome, result.code, result.reason)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _status(name: str) -> int:
    """A size from what Linux says of this process, in bytes."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    (found,) = (line for line in lines if line.startswith(f"{name}:"))
    return int(found.split()[1]) * 1024


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
