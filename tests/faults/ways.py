"""The points that a load passes, in order, by what becomes of it."""

from __future__ import annotations

from tidemark.points import Point

OF_RELOADS_ALONE = (Point.REPLACING,)

RELOAD = tuple(Point)
FIRST_LOAD = tuple(point for point in Point if point not in OF_RELOADS_ALONE)
REJECTED = (*FIRST_LOAD[: FIRST_LOAD.index(Point.AUDITED) + 1], Point.COMMITTING)
