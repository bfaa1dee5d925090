"""What tells one version of a file at the source from another."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class FileVersion:
    """What a source says of a file as it is now; ``size`` in bytes."""

    etag: str | None
    last_modified: str | None
    size: int | None

    def differs_from(self, before: FileVersion) -> bool | None:
        """Whether the file changed since ``before``; None when the two share nothing that can be compared."""
        if None not in (before.size, self.size) and before.size != self.size:
            return True
        for old, new in ((before.etag, self.etag), (before.last_modified, self.last_modified)):
            if old and new:
                return old.removeprefix("W/") != new.removeprefix("W/")
        return None
