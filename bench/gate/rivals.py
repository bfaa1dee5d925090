"""What stands beside the gate: average-kNN on feature vectors (EDBT 2021), and z-scores by median and MAD.

Both look at the same statistics of the same files, with the same months as history, and get their thresholds from the
older clean months: a warning where 5 % of those are above, a rejection where 1 % are.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bench.gate.cases import Said
from tidemark.contract import bind, normalise
from tidemark.datasets.base import Dataset
from tidemark.months import Month

Features = Mapping[str, float]  # one number for each column and statistic
ROWS = "rows"

NEIGHBOURS = 5  # the paper's
CONTAMINATION = 0.01  # the paper's share of training months that may be bad
WARNS, REJECTS = 0.95, 0.99  # quantiles of the scores of clean months
_MAD_TO_SIGMA = 1.4826
_LEAST_SPREAD = 0.005  # of the median: a statistic that never moved may move by so much


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """The scores above which a month is warned of, or rejected."""

    warn: float
    reject: float

    @classmethod
    def of(cls, scores: Sequence[float]) -> Limits:
        return cls(warn=float(np.quantile(scores, WARNS)), reject=float(np.quantile(scores, REJECTS)))

    def said(self, score: float) -> Said:
        if score > self.reject:
            return Said.REJECT
        return Said.WARN if score > self.warn else Said.ACCEPT


# ---- what both look at


def features_of(dataset: Dataset, month: Month, content: bytes) -> Features:
    """Return ``column.statistic`` to number: completeness, distinct values, the share of the most frequent one, and for
    numbers and times minimum, maximum, mean and standard deviation (Redyuk and others, EDBT 2021).

    Raises what the contract raises when the file does not keep it.
    """
    table = pq.read_table(io.BytesIO(content)).combine_chunks()
    binding = bind(dataset, month, table.schema)
    rows = pa.Table.from_batches([normalise(binding, batch) for batch in table.to_batches()])
    found = {ROWS: float(len(rows))}
    for column in binding.present:
        for statistic, value in _statistics(rows[column.name].combine_chunks(), month):
            found[f"{column.name}.{statistic}"] = value
    return found


def column_of(feature: str) -> str | None:
    """Return the column that a feature speaks of; none for the number of rows."""
    return None if feature == ROWS else feature.rpartition(".")[0]


def _statistics(array: pa.Array, month: Month) -> Iterator[tuple[str, float]]:
    rows = max(len(array), 1)
    yield "completeness", 1 - array.null_count / rows
    full = array.drop_null()
    if not len(full):
        return
    counts = pc.value_counts(full).field("counts")
    yield "distinct", float(len(counts))
    yield "most_frequent", pc.max(counts).as_py() / len(full)
    if pa.types.is_timestamp(full.type):
        since = full.to_numpy(zero_copy_only=False) - np.datetime64(month.first_day, "us")
        yield from _moments(since.astype(np.float64) / 86_400e6)
    elif not pa.types.is_string(full.type):
        yield from _moments(full.to_numpy(zero_copy_only=False).astype(np.float64))


def _moments(values: NDArray[np.float64]) -> Iterator[tuple[str, float]]:
    finite = values[np.isfinite(values)]
    if len(finite):
        yield "min", float(finite.min())
        yield "max", float(finite.max())
        yield "mean", float(finite.mean())
        yield "deviation", float(finite.std())


# ---- average-kNN


def knn_score(features: Features, history: Sequence[Features]) -> float:
    """Return the mean distance to the nearest past months, over the one that 1 % of these have among themselves."""
    names = sorted(set(features).intersection(*history))
    past = np.array([[each[name] for name in names] for each in history])
    low, span = past.min(axis=0), np.ptp(past, axis=0)
    scale = np.where(span > 0, span, 1.0)
    scaled = (past - low) / scale
    among = [_mean_distance(month, np.delete(scaled, row, axis=0)) for row, month in enumerate(scaled)]
    missing = len(set(history[-1]) - set(features))  # a column that is gone is as far as can be in each statistic
    distance = np.hypot(
        _mean_distance((np.array([features[name] for name in names]) - low) / scale, scaled), np.sqrt(missing)
    )
    return float(distance / np.quantile(among, 1 - CONTAMINATION))


def _mean_distance(month: NDArray[np.float64], others: NDArray[np.float64]) -> float:
    distances = np.sort(np.linalg.norm(others - month, axis=1))
    return float(distances[:NEIGHBOURS].mean())


# ---- median and MAD


def z_scores(features: Features, history: Sequence[Features]) -> Mapping[str, float]:
    """Return for each statistic how many robust standard deviations it is from its median."""
    scores = {}
    for name, value in features.items():
        past = np.array([each[name] for each in history if name in each])
        if len(past) >= 3:
            median = float(np.median(past))
            spread = _MAD_TO_SIGMA * float(np.median(np.abs(past - median)))
            scores[name] = abs(value - median) / max(spread, _LEAST_SPREAD * abs(median), 1e-9)
    return scores


@dataclass(frozen=True, kw_only=True, slots=True)
class MadLimits:
    """The largest z-score that clean months had in each statistic, and how many times that is too much."""

    largest: Mapping[str, float]
    times: Limits

    def judge(self, scores: Mapping[str, float]) -> tuple[Said, str | None]:
        """Return the verdict, and the column of the statistic that is farthest out."""
        feature, times = farthest(scores, self.largest)
        said = self.times.said(times)
        return said, column_of(feature) if said is not Said.ACCEPT and feature else None


def mad_limits(scores: Sequence[Sequence[Mapping[str, float]]]) -> MadLimits:
    """Set the limits by the z-scores of clean months: those of one series are held against those of the others.

    Of a single series each half is held against the other.
    """
    groups = scores if len(scores) > 1 else (scores[0][::2], scores[0][1::2])
    times = []
    for number, months in enumerate(groups):
        others = _largest(each for other, group in enumerate(groups) if other != number for each in group)
        times += [farthest(month, others)[1] for month in months]
    return MadLimits(largest=_largest(each for group in groups for each in group), times=Limits.of(times))


def farthest(scores: Mapping[str, float], largest: Mapping[str, float]) -> tuple[str, float]:
    """Return the statistic that is the most times over what was seen, and how many times."""
    times = {name: score / max(largest.get(name, 0.0), 1.0) for name, score in scores.items()}
    return max(times.items(), key=lambda item: item[1], default=("", 0.0))


def _largest(months: Iterable[Mapping[str, float]]) -> Mapping[str, float]:
    largest: dict[str, float] = defaultdict(float)
    for month in months:
        for name, score in month.items():
            largest[name] = max(largest[name], score)
    return dict(largest)
