"""Which column is guilty, where a relation of several columns has changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from checks.history.signals import Signal
from tidemark.datasets.base import Dataset

OWN = 3.0  # what is odd about a column alone counts so many times as much as what is odd about a relation
HIDES_UP_TO = 4.0  # times over the limit
HIDDEN = 0.95  # of a rejection: what a few swapped values do to either column is the swap, and weighed there
WARNED = 0.3  # the least gravity of a warning
FIRST_LISTED = 1e-4  # breaks a tie for the column that the contract lists first


def blamed(dataset: Dataset, signals: Sequence[Signal]) -> list[Signal]:
    """Give each signal about several columns the one that the other signals point to, and weigh a swap once."""
    scores = _scores(dataset, signals)
    swaps = [each for each in signals if each.swapped and each.warn >= 1]
    return [_guilty(_behind_swap(each, swaps), scores) for each in signals]


def _scores(dataset: Dataset, signals: Sequence[Signal]) -> Mapping[str, float]:
    order = {column.name: place for place, column in enumerate(reversed(dataset.columns))}
    scores: dict[str, float] = defaultdict(float, {name: FIRST_LISTED * place for name, place in order.items()})
    own: dict[tuple[str, str], float] = defaultdict(float)
    relations: dict[tuple[tuple[str, ...], str], float] = defaultdict(float)
    for each in signals:
        if len(each.of) > 1:
            relations[each.of, each.theme] = max(relations[each.of, each.theme], each.gravity)
        elif each.column is not None:
            own[each.column, each.theme] = max(own[each.column, each.theme], each.gravity)
    for (column, _), gravity in own.items():
        scores[column] += OWN * gravity
    for (columns, theme), gravity in relations.items():
        if theme != "total":  # it points to all amounts alike
            for column in columns:
                scores[column] += gravity
    return scores


def _guilty(each: Signal, scores: Mapping[str, float]) -> Signal:
    if len(each.of) < 2 or each.theme == "order" or each.guilty is not None:
        return each
    worst = max(each.of, key=lambda column: scores[column])
    if each.theme == "total" and scores[worst] < scores[each.of[0]] + OWN * WARNED:
        return each  # none of its parts is odd
    return replace(each, guilty=worst)


def _behind_swap(each: Signal, swaps: Sequence[Signal]) -> Signal:
    about_values = each.theme in ("quantiles", "elapsed", "together") or each.theme.startswith("per-")
    columns = each.of or (each.column,)
    if each.swapped or not about_values or each.reject > HIDES_UP_TO:
        return each
    if not any(set(columns) & set(swap.of) for swap in swaps):
        return each
    return replace(each, reject=min(each.reject, HIDDEN))
