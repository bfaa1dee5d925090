"""Stretches of days that are unlike the rest of the month."""

from __future__ import annotations

import numpy as np

from tidemark.profile.bins import Floats, Integers
from tidemark.profile.values import Stretch

LENGTHS = (1, 2, 4, 7, 10, 15)  # days
LEAST_ROWS = 30  # of a stretch and of the rest
_CHANCE = 1.5  # times the distance that chance makes expect


def stretches(days: Integers, places: Integers, month_days: int) -> tuple[Stretch, ...]:
    """Return for each length the stretch that is farthest from the other days; ``days`` from 1, 0 counts not."""
    width = int(places.max(initial=0)) + 1
    inside = days > 0
    cells = np.bincount((days[inside] - 1) * width + places[inside], minlength=month_days * width)
    running = np.vstack([np.zeros(width), np.cumsum(cells.reshape(month_days, width), axis=0)])
    farthest = (_farthest(running, length) for length in LENGTHS)
    return tuple(each for each in farthest if each is not None)


def _farthest(running: Floats, length: int) -> Stretch | None:
    within = running[length:] - running[:-length]
    beside = running[-1] - within
    rows, others = within.sum(axis=1), beside.sum(axis=1)
    usable = (rows >= LEAST_ROWS) & (others >= LEAST_ROWS)
    if not usable.any():
        return None
    mine, rest = within / np.maximum(rows, 1)[:, None], beside / np.maximum(others, 1)[:, None]
    share = running[-1] / running[-1].sum()
    deviation = np.sqrt(share * (1 - share)).sum()
    chance = 0.4 * deviation * np.sqrt(1 / np.maximum(rows, 1) + 1 / np.maximum(others, 1))
    distance = np.where(usable, np.abs(mine - rest).sum(axis=1) / 2 - _CHANCE * chance, -1.0)
    first = int(np.argmax(distance))
    return Stretch(days=length, first=first + 1, distance=round(max(float(distance[first]), 0.0), 4))
