"""The evidence page: everything that the gate found, and nothing that a browser would fetch or run."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from checks.pages.charts import day_chart, month_chart
from checks.pages.measures import by_month, measure_of, usual_days
from checks.pages.page import render, write_page
from tests.rides import RIDES
from tidemark.evidence import page_path
from tidemark.history import History, PastMonth
from tidemark.months import Month
from tidemark.profile import Grid, Profile
from tidemark.quarantine import _remedy
from tidemark.remedies import steps_after
from tidemark.stage import Staged
from tidemark.verdict import Accepted, Evidence, Finding, Rejected, Severity

FEBRUARY = Month(2023, 2)
HOSTILE = '<script src="https://evil.example/x.js"></script><img src=x onerror=alert(1)>"\'&</td></table>'
STAGED = Staged(
    partition=RIDES.partition(FEBRUARY), load_id=7, table="t", rows_read=101, rows=100, diverted={"X": 1}, dropped=()
)
VOID = {"meta", "line", "rect", "circle", "polyline"}


def finding(code: str, **changes: object) -> Finding:
    plain = Finding(
        code=code,
        severity=Severity.REJECT,
        passed=False,
        column="price",
        expected="price from 0 to 10",
        observed="20 % are out of range",
        reason="So.",
        gravity=3.0,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]  # a test names the fields


def profile(rows: int, *, days: int = 28, nulls: int = 0) -> Profile:
    hours = tuple(rows // (24 * days) for _ in range(24 * days))
    grid = Grid(hours=hours, outside=3, nulls=0, days_of={}, hours_of={}, whole_minutes={}, times={})
    return Profile(rows=rows, nulls={"price": nulls}, grid=grid)


def past(month: Month, rows: int, *, days: int) -> PastMonth:
    return PastMonth(month=month, load_id=month.yyyymm, profile=profile(rows, days=days, nulls=rows // 10))


HISTORY = History(months=(past(Month(2022, 12), 7440, days=31), past(Month(2023, 1), 14880, days=31)))
REJECTED = Rejected(
    staged=STAGED,
    rows=100,
    suite_version="abc",
    findings=(
        finding("RIDES-PRICE-RANGE"),
        finding("RIDES-PRICE-NULLS", severity=Severity.WARN, gravity=0.5),
        finding("RIDES-ROWS", passed=True, column=None, expected="at least 1 row"),
    ),
    profile=profile(6720, nulls=67),
    evidence=(Evidence(code="RIDES-PRICE-RANGE", rows=({"at": "2023-02-01", "price": 99.5, "note": None},)),),
)


class Seen(HTMLParser):
    """Every element of a page with its attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data + " "


def test_the_page_says_verdict_findings_rows_and_what_to_do() -> None:
    seen = Seen(render(RIDES, REJECTED, HISTORY))
    assert seen.open == []
    text = seen.text
    for told in (
        "rides 2023-02",
        "rejected",
        "Load 7: 101 rows read, 100 staged, 1 diverted",
        "RIDES-PRICE-RANGE: expected price from 0 to 10, found 20 % are out of range",
        "tidemark backfill rides 2023-02",
        'tidemark release rides 2023-02 --by NAME --reason "…"',
        'tidemark accept rides RIDES-PRICE-RANGE --from 2023-02 --to 2023-02 --reason "…"',
        "99.5",
        "at least 1 row",
    ):
        assert told in text, told
    assert text.index("RIDES-PRICE-RANGE", text.index("Findings")) < text.index("RIDES-PRICE-NULLS")


def test_the_page_says_the_very_steps_that_the_ledger_keeps_as_the_remedy() -> None:
    two = replace(REJECTED, findings=(finding("RIDES-PRICE-RANGE"), finding("RIDES-AT-DAYS", gravity=2.0)))
    text = " ".join(Seen(render(RIDES, two, HISTORY)).text.split())
    steps = steps_after(STAGED.partition, two.blocking)
    assert len(steps) == 3
    assert "the same for RIDES-AT-DAYS" in str(steps[-1])
    for step in steps:
        assert " ".join(f"{step.when}: {step.command} {step.then}".split()) in text
        assert f"{step}." in _remedy(two)


def test_a_chart_says_of_which_values_and_in_what_its_median_is() -> None:
    said = [measure_of(f"RIDES-PRICE-{end}", "price")[0] for end in ("PER-ELAPSED", "PER-TRIP-KM", "DIGITS")]
    assert said == [
        "median of price divided by the seconds that it took, of the rows where both are above 0",
        "median of price divided by trip_km, of the rows where both are above 0",
        "median of all numbers of price, zeros too",
    ]


def test_the_guilty_column_is_the_first_of_the_rows() -> None:
    page = render(RIDES, REJECTED, HISTORY)
    assert re.findall(r"<th[^>]*>([^<]+)</th>", page) == ["price", "at", "note"]
    assert page.count('<td class="guilty">99.5</td>') == 1


def test_an_accepted_month_has_a_page_too_and_nothing_to_do() -> None:
    accepted = Accepted(staged=STAGED, rows=100, suite_version="abc", findings=REJECTED.findings[2:])
    text = Seen(render(RIDES, accepted, History())).text
    assert "accepted" in text
    assert "Every check passed." in text
    assert "What to do" not in text


def test_a_check_that_could_not_run_is_told_as_one() -> None:
    broken = finding("RIDES-PROFILE", errored=True, observed="OSError: gone")
    text = Seen(render(RIDES, replace(REJECTED, findings=(broken,), evidence=()), HISTORY)).text
    assert "the check failed" in text
    assert "says nothing about the data" in text
    assert "tidemark release" not in text


def test_a_browser_fetches_nothing_and_runs_nothing_for_it() -> None:
    page = render(RIDES, REJECTED, HISTORY)
    assert re.search(r"https?:|//[a-z]|url\(|@import|javascript:", page) is None
    seen = Seen(page)
    assert {"script", "link", "img", "iframe", "object", "embed", "base", "form", "a"}.isdisjoint(
        tag for tag, _ in seen.elements
    )
    policy = next(each["content"] for tag, each in seen.elements if tag == "meta" and "http-equiv" in each)
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"


def test_hostile_values_are_shown_as_text() -> None:
    hostile = finding(HOSTILE, column=HOSTILE, expected=HOSTILE, observed=HOSTILE, reason=HOSTILE)
    evidence = Evidence(code=HOSTILE, rows=({HOSTILE: HOSTILE, "price": None},))
    verdict = replace(REJECTED, findings=(hostile,), evidence=(evidence,))
    plain, seen = Seen(render(RIDES, REJECTED, HISTORY)), Seen(render(RIDES, verdict, HISTORY))
    assert {tag for tag, _ in seen.elements} <= {tag for tag, _ in plain.elements}
    assert not any(name.startswith("on") or name in ("src", "href") for _, each in seen.elements for name in each)
    assert seen.text.count(HOSTILE) >= 7
    assert seen.open == []


def test_the_page_lies_where_the_report_looks_for_it(tmp_path: Path) -> None:
    path = write_page(tmp_path, RIDES, REJECTED, HISTORY)
    assert path == page_path(tmp_path, STAGED.partition, 7) == tmp_path / "evidence" / "rides" / "2023-02-load7.html"
    assert path.read_text(encoding="utf-8") == render(RIDES, REJECTED, HISTORY)
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_a_page_that_cannot_be_written_is_no_fault_of_the_month(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "evidence").write_text("a file where the folder should be")
    assert write_page(tmp_path, RIDES, REJECTED, HISTORY) is None
    assert "could not be written" in caplog.text


def test_texts_that_are_no_unicode_are_written_all_the_same(tmp_path: Path) -> None:
    odd = replace(REJECTED, findings=(finding("RIDES-PRICE-RANGE", observed="gr\udc9ben"),))
    path = write_page(tmp_path, RIDES, odd, HISTORY)
    assert path is not None
    assert "gr?en" in path.read_text(encoding="utf-8")


# ---- charts


def test_charts_are_whole_and_have_a_mark_for_each_day_and_month() -> None:
    days = ElementTree.fromstring(day_chart([5, 0, 7], [(1, 9), (1, 9), (1, 9)]))  # noqa: S314 - our own
    assert len(days.findall(".//rect[@class='bar']")) == len(days.findall(".//rect[@class='band']")) == 3
    bars = [float(bar.attrib["height"]) for bar in days.findall(".//rect[@class='bar']")]
    assert bars[1] == 0
    assert bars[2] > bars[0] > 0
    months = ElementTree.fromstring(month_chart([("2023-01", 1.0), ("2023-02", -2.0)], "x"))  # noqa: S314 - our own
    assert [each.attrib["class"] for each in months.findall(".//circle")] == ["dot", "now"]


@pytest.mark.parametrize("values", [[0.0, 0.0], [1e12, 1e12], [-5.0, -5.0], [1.0, 1e300]])
def test_charts_hold_any_numbers(values: list[float]) -> None:
    chart = month_chart([("2023-01", values[0]), ("2023-02", values[1])], "x")
    ElementTree.fromstring(chart)  # noqa: S314 - our own
    assert "nan" not in chart
    assert "inf" not in chart


def test_days_are_compared_with_the_same_weekdays() -> None:
    usual = usual_days(FEBRUARY, [0] * 28, HISTORY)
    assert len(usual) == 28
    assert usual[0] == (240, 480)
    assert usual_days(FEBRUARY, [0] * 28, History()) == []


@pytest.mark.parametrize(
    ("code", "column", "values"),
    [
        ("RIDES-VOLUME", None, [7440.0, 14880.0, 6720.0]),
        ("RIDES-DUPLICATES", None, [0.0, 0.0, 0.0]),
        ("RIDES-PRICE-NULLS", "price", [10.0, 10.0, pytest.approx(100 * 67 / 6720)]),
        ("RIDES-AT-IN-MONTH", "at", [3.0, 3.0, 3.0]),
        ("RIDES-NOTE-CODES", "note", []),
    ],
)
def test_a_chart_shows_the_number_that_its_finding_is_about(code: str, column: str | None, values: list[float]) -> None:
    assert REJECTED.profile is not None
    _, measure = measure_of(code, column)
    shown = by_month(FEBRUARY, REJECTED.profile, HISTORY, measure)
    assert [value for _, value in shown] == values
    if values:
        assert [month for month, _ in shown] == ["2022-12", "2023-01", "2023-02"]


def test_a_value_that_cannot_be_rendered_costs_the_page_and_not_the_month(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        def __str__(self) -> str:
            raise ValueError("broken")

    odd = replace(REJECTED, evidence=(Evidence(code="RIDES-PRICE-RANGE", rows=({"price": Broken()},)),))
    assert write_page(tmp_path, RIDES, odd, HISTORY) is None
    assert caplog.messages == ["rides 2023-02: its evidence page could not be written: ValueError"]
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
