"""Every error that Tidemark raises on purpose, grouped by how one recovers from it.

An error says what happened, to which month, and the command or setting that mends it: ``message`` is one
sentence for a person, ``remedy`` the next step, ``code`` a stable word for programs. Neither text ever holds a
secret: addresses go through ``tidemark.settings.masked``.
"""

from __future__ import annotations


class TidemarkError(Exception):
    """Something went wrong that Tidemark can explain."""

    code = "error"

    def __init__(self, message: str, *, remedy: str = "", code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class UsageError(TidemarkError):
    """What the user typed or configured is wrong; nothing was started (exit status 2)."""

    code = "usage"


class Unreachable(TidemarkError):
    """The source, the database or the Prefect server does not answer (exit status 1)."""

    code = "unreachable"


class Failed(TidemarkError):
    """The month could not be fetched or processed, and the reason is not in the data.

    A later run takes the month again; trying again at once would not help.
    """

    code = "failed"


class Transient(Failed):
    """The month could not be fetched or processed now, and trying again at once may help.

    ``retry_after`` is what the other side asked for, in seconds.
    """

    code = "transient"

    def __init__(
        self, message: str, *, remedy: str = "", code: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message, remedy=remedy, code=code)
        self.retry_after = retry_after


class BadFile(TidemarkError):
    """The source sent the file whole, and it is bad: the month is rejected."""

    code = "bad-file"


class NotAtSource(TidemarkError):
    """The source does not have the month (yet)."""

    code = "not-at-source"


class Stopped(TidemarkError):
    """The load was told to stop; its attempt ends as interrupted."""

    code = "stopped"
