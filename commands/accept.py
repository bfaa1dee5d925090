"""``tidemark accept``: puts a change that is real on record, so that later months are judged by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from commands import options
from commands.login import login_name
from commands.output import out, print_json, shown

if TYPE_CHECKING:
    from tidemark.history import Acceptance
    from tidemark.months import Month


@click.command()
@options.dataset
@click.argument("code", callback=options.not_blank)
@click.option("--from", "first", required=True, metavar="MONTH", help="The first month of the change (YYYY-MM).")
@click.option("--to", "last", metavar="MONTH", help="Its last month; without it, the change is for good.")
@options.by
@options.reason
@options.as_json
def accept(dataset: str, code: str, first: str, last: str | None, by: str | None, reason: str, as_json: bool) -> int:
    """Accept that the check CODE fails in some months: there it warns where it would reject.

    The rejected months of that time are due again. Once three of them are published, they are the measure of the
    others: another change within them rejects again. They are none for the months outside. Other checks are not
    covered; only what follows from a collapse of the volume, such as other shares of codes, warns with it.
    """
    from checks.base import suite_of
    from checks.history import history_checks
    from tidemark import acceptances
    from tidemark.months import Month
    from tidemark.session import open_session
    from tidemark.settings import read_settings
    from tidemark.word import give_word

    word = give_word(login_name() if by is None else by, reason)
    change = acceptances.Change(code=code, first=Month.parse(first), last=Month.parse(last) if last else None)
    session = open_session(read_settings())
    found = session.dataset(dataset)
    codes = {check.code for check in (*suite_of(found), *history_checks(found))}
    with session.writing() as connection:
        accepted, new = acceptances.accept(connection, found, change, word, codes)
        due = acceptances.due_again(connection, found, accepted)
    if as_json:
        print_json({"version": 1, "acceptance": acceptance_json(accepted), "new": new, "due": [str(m) for m in due]})
    else:
        _print(accepted, due, new=new)
    return 0


def acceptance_json(accepted: Acceptance) -> dict[str, object]:
    from tidemark.report import rfc3339

    return {
        "dataset": accepted.dataset,
        "code": accepted.code,
        "from": str(accepted.first),
        "to": str(accepted.last) if accepted.last else None,
        "by": accepted.by,
        "reason": accepted.reason,
        "at": rfc3339(accepted.at),
    }


def _print(accepted: Acceptance, due: tuple[Month, ...], *, new: bool) -> None:
    until = f" to {accepted.last}" if accepted.last else ""
    done = "" if new else " (on record already)"
    out().print(f"[bold]{accepted.code}[/] from {accepted.first}{until}: accepted by {shown(accepted.by)}{done}")
    if due:
        months = str(due[0]) if len(due) == 1 else f"{due[0]} {due[-1]}"
        out().print(f"{len(due)} rejected months are due again: [bold]tidemark backfill {accepted.dataset} {months}[/]")
