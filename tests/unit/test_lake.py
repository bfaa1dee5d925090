from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tidemark.errors import Failed
from tidemark.lake import Lake
from tidemark.months import Month
from tidemark.partition import Partition

PARTITION = Partition("green", Month(2023, 2))
BYTES = b"PAR1 some bytes PAR1"
SHA256 = hashlib.sha256(BYTES).hexdigest()


def store(lake: Lake, data: bytes = BYTES) -> Path:
    with lake.incoming(PARTITION, stale_seconds=60) as incoming:
        incoming.write(data)
        return lake.store(incoming.path, PARTITION, incoming.sha256, "parquet")


def leftovers(lake: Lake) -> list[Path]:
    return list((lake.root / "incoming").iterdir())


def test_a_file_is_kept_under_the_sha256_of_its_bytes(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    path = store(lake)
    assert path == tmp_path / f"lake/raw/green/2023-02/{SHA256}.parquet"
    assert path.read_bytes() == BYTES
    assert path.stat().st_mode & 0o777 == 0o444
    assert lake.find(PARTITION, SHA256, "parquet") == path
    assert lake.find(PARTITION, "0" * 64, "parquet") is None
    assert leftovers(lake) == []


def test_a_temporary_lies_in_the_lake_and_says_its_month(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    with lake.incoming(PARTITION, stale_seconds=60) as one, lake.incoming(PARTITION, stale_seconds=60) as other:
        assert one.path != other.path
        assert one.path.parent == tmp_path / "incoming"
        assert one.path.name.startswith("green-2023-02.")


def test_begun_again_it_forgets_what_it_had(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    with lake.incoming(PARTITION, stale_seconds=60) as incoming:
        incoming.write(b"something much longer than what follows")
        incoming.restart()
        incoming.write(BYTES)
        assert (incoming.size, incoming.sha256) == (len(BYTES), SHA256)
        assert incoming.path.read_bytes() == BYTES


def test_a_file_that_is_there_already_is_kept(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    before = store(lake).stat()
    after = store(lake).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert leftovers(lake) == []


def test_an_altered_file_is_named_with_its_remedy_and_mended_by_the_right_bytes(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    path = store(lake)
    lake.verify(path, SHA256)
    path.chmod(0o644)
    path.write_bytes(BYTES.replace(b"some", b"sOme"))
    with pytest.raises(Failed, match="green 2023-02") as caught:
        lake.verify(path, SHA256)
    assert caught.value.code == "lake-altered"
    assert str(path) in caught.value.message
    store(lake)
    lake.verify(path, SHA256)
    assert path.stat().st_mode & 0o777 == 0o444


def test_a_file_that_is_gone_cannot_be_verified(tmp_path: Path) -> None:
    with pytest.raises(Failed) as caught:
        Lake(tmp_path).verify(tmp_path / "raw/green/2023-02/none.parquet", SHA256)
    assert caught.value.code == "lake-unusable"


def test_what_was_not_stored_is_removed(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    with lake.incoming(PARTITION, stale_seconds=60) as incoming:
        incoming.write(BYTES)
        assert leftovers(lake) == [incoming.path]
    assert leftovers(lake) == []


def test_temporaries_of_killed_loads_are_swept_but_not_those_of_living_ones(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    store(lake)
    dead, living = lake.root / "incoming/yellow-2020-01.dead", lake.root / "incoming/green-2023-02.living"
    for path, age in ((dead, 120), (living, 5)):
        path.touch()
        os.utime(path, (time.time() - age,) * 2)
    with lake.incoming(PARTITION, stale_seconds=60):
        assert not dead.exists()
        assert living.exists()


def test_a_full_disk_fails_the_month_and_leaves_nothing(tmp_path: Path) -> None:
    # a process that may write no file above 1000 bytes meets a real error of a real disk
    code = """if True:
        import resource, sys
        from pathlib import Path
        from tidemark.errors import Failed
        from tidemark.lake import Lake
        from tidemark.months import Month
        from tidemark.partition import Partition
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        try:
            with Lake(Path(sys.argv[1])).incoming(Partition("green", Month(2023, 2)), stale_seconds=60) as incoming:
                incoming.write(bytes(5000))
        except Failed as error:
            print(error.code, error)
    """
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("lake-full green 2023-02:")
    assert "TIDEMARK_LAKE" in done.stdout
    assert leftovers(Lake(tmp_path)) == []


def test_a_lake_that_may_not_be_written_fails_the_month(tmp_path: Path) -> None:
    # the kernel lets nobody, not even root, make a folder there
    with (
        pytest.raises(Failed, match="green 2023-02") as caught,
        Lake(Path("/sys/kernel/lake")).incoming(PARTITION, stale_seconds=60),
    ):
        pass
    assert caught.value.code == "lake-not-writable"
    assert "TIDEMARK_LAKE" in caught.value.remedy


def test_a_lake_that_is_a_file_fails_the_month(tmp_path: Path) -> None:
    (tmp_path / "lake").touch()
    with pytest.raises(Failed) as caught, Lake(tmp_path / "lake").incoming(PARTITION, stale_seconds=60):
        pass
    assert caught.value.code == "lake-unusable"
