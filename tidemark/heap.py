"""Keeps a process that loads month after month from growing."""

from __future__ import annotations

import ctypes
from functools import cache

_MMAP_THRESHOLD = -3  # the parameter's number in glibc's malloc.h
_LARGE_BYTES = 1 << 20


@cache
def give_large_buffers_back() -> None:
    """Let the C library return large buffers to the system as soon as they are freed, for the whole process.

    glibc moves its own threshold up to 32 MB once such buffers were freed, keeps them in its heaps from then on, and
    the heaps fragment: see ``peak_rss_mb_12`` in docs/performance.md. Does nothing where the C library is another one.
    """
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        set_option(_MMAP_THRESHOLD, _LARGE_BYTES)
