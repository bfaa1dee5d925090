"""What people have accepted: which signals of a month only warn for it, and which reject it all the same."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from statistics import median

from checks.history.limits import NEEDED
from checks.history.signals import Case, Signal, code_of
from checks.weighing import word_of
from tidemark.history import Acceptance

ALONE = ("days", "stale")  # themes that no other months are the measure of: accepted ones stay accepted
SLIGHTLY = 2.0  # times over its limit; what follows from an accepted collapse of the volume is no more
FOLLOWS = "The volume of this month is an accepted collapse, which moves other things too; so this only warns."
_HARDLY = 0.9  # of a rejection: what a softened signal is weighed as


def accepted(case: Case, code: str, mine: Signal | None, usual: Signal | None) -> Signal | None:
    """Return what is left of the worst signal of a check where the month belongs to an accepted change of it.

    ``mine``: against the baseline, ``usual``: against the months outside of the change. Until the change has months
    enough to be its own measure, what rejects is accepted (of the volume, in the direction that was). From then on a
    month is right where it is like either; one between the two levels of a volume is on its way, and only warned about.
    """
    change = case.history.acceptance_of(code, case.month)
    worst = mine or usual
    if change is None or worst is None:
        return mine
    if worst.theme in ALONE or not case.history.months_of_change(code, case.month):
        return _softened(worst, word_of(change)) if worst.reject >= 1 and _as_accepted(case, change, worst) else worst
    if mine is None or usual is None:
        return worst
    nearer = min(mine, usual, key=lambda each: (each.reject, each.warn))
    if worst.theme == "volume" and usual.reject >= 1 and (nearer.reject < 1 or mine.rise != usual.rise):
        return _softened(usual, word_of(change))
    back = usual.reject < 1 <= mine.reject
    if back and change.last is None and worst.theme != "volume":  # as before a change that was to be for good
        return _softened(mine, word_of(change))
    return nearer


def after_collapse(signals: Iterable[Signal], volume: Signal | None) -> list[Signal]:
    """Soften what follows from a collapse of this month's own volume that is accepted, and is slight; nothing else."""
    if volume is None or not volume.word or volume.rise:
        return list(signals)
    return [_softened(each, FOLLOWS) if each.habit and 1 <= each.reject < SLIGHTLY else each for each in signals]


def _as_accepted(case: Case, change: Acceptance, worst: Signal) -> bool:
    """Whether a volume went where the accepted one had gone; nobody knows of one that was not seen: then down."""
    if worst.theme != "volume":
        return True
    usual = case.history.usual_months(code_of(case.dataset.name, "volume"))[-NEEDED:]
    rose = change.rows is not None and change.rows > median(entry.profile.rows for entry in usual)
    return worst.rise == rose


def _softened(each: Signal, word: str) -> Signal:
    return replace(each, warn=max(each.warn, 1.0), reject=_HARDLY, word=word)
