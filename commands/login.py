"""Who is at work, where nobody gave a name."""

from __future__ import annotations

import os
import pwd

from tidemark.errors import UsageError


def login_name() -> str:
    """Return the name of the user that this process belongs to; raises ``UsageError`` when it has none."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        raise UsageError(
            f"The user {os.getuid()} has no name on this machine.",
            remedy="Say whose word it is: --by NAME.",
            code="bad-by",
        ) from None
