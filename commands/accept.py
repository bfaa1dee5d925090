"""``tidemark accept``: puts a change that is real on record, so that later months are judged by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from commands import options
from commands.login import login_name
from commands.output import out, print_json, shown

if TYPE_CHECKING:
    from tidemark.acceptances import Due, Withdrawn
    from tidemark.datasets.base import Dataset
    from tidemark.history import Acceptance
    from tidemark.session import Session
    from tidemark.word import Word


@click.command()
@options.dataset
@click.argument("code", callback=options.not_blank)
@click.option("--from", "first", metavar="MONTH", help="The first month of the change (YYYY-MM).")
@click.option("--to", "last", metavar="MONTH", help="Its last month; without it, the change is for good.")
@click.option("--withdraw", is_flag=True, help="Take an acceptance back; --from says which, where there are several.")
@options.by
@options.reason
@options.as_json
def accept(
    dataset: str,
    code: str,
    first: str | None,
    last: str | None,
    withdraw: bool,
    by: str | None,
    reason: str,
    as_json: bool,
) -> int:
    """Accept that the check CODE fails in some months: there it warns where it would reject.

    The rejected months of that time are due again, unless other checks reject them too. Once three of them are
    published, they are the measure of the others: another change within them rejects again. They are none for the
    months outside. Other checks are not covered; only what follows from a collapse of the volume, such as other shares
    of codes, warns with it.

    With --withdraw later judgements use it no more; what was published under it stays, and so does its record.
    tidemark checks DATASET lists the acceptances that stand.
    """
    from tidemark.session import open_session
    from tidemark.settings import read_settings
    from tidemark.word import give_word

    _check_options(first, last, withdraw=withdraw)
    word = give_word(login_name() if by is None else by, reason)
    session = open_session(read_settings())
    found = session.dataset(dataset)
    if withdraw or first is None:
        return _withdraw(session, found, code, first, word, as_json=as_json)
    return _accept(session, found, (code, first, last), word, as_json=as_json)


def _check_options(first: str | None, last: str | None, *, withdraw: bool) -> None:
    if withdraw and last is not None:
        raise click.UsageError("--withdraw takes a whole acceptance back: it has no --to.")
    if not withdraw and first is None:
        raise click.UsageError("Missing option '--from': the first month of the change.")


def _accept(
    session: Session, dataset: Dataset, given: tuple[str, str, str | None], word: Word, *, as_json: bool
) -> int:
    from checks.acceptable import check_acceptable
    from checks.base import every_check
    from tidemark import acceptances
    from tidemark.months import Month

    code, first, last = given
    change = acceptances.Change(code=code, first=Month.parse(first), last=Month.parse(last) if last else None)
    check_acceptable(dataset, change)
    with session.writing() as connection:
        codes = {check.code for check in every_check(dataset)}
        accepted, new = acceptances.accept(connection, dataset, change, word, codes)
        due = acceptances.due_again(connection, dataset, accepted)
    if as_json:
        print_json(
            {
                "version": 1,
                "acceptance": acceptance_json(accepted),
                "new": new,
                "has_rejected": accepted.rows is not None,
                "due": [str(each.month) for each in due],
                "still_rejected_by": {str(each.month): list(each.others) for each in due},
            }
        )
    else:
        _print(accepted, due, new=new)
    return 0


def _withdraw(session: Session, dataset: Dataset, code: str, first: str | None, word: Word, *, as_json: bool) -> int:
    from tidemark import acceptances
    from tidemark.months import Month

    with session.writing() as connection:
        month = None if first is None else Month.parse(first)
        withdrawn = acceptances.withdraw(connection, dataset, code, month, word)
        published = acceptances.published_under(connection, dataset, withdrawn)
    if as_json:
        withdrawal = {"by": word.by, "reason": word.reason}
        under = {"published_under": [str(month) for month in published]}
        print_json({"version": 1, "acceptance": acceptance_json(withdrawn), "withdrawn": withdrawal, **under})
    else:
        out().print(
            f"[bold]{withdrawn.code}[/] {_months(withdrawn)}: withdrawn by {shown(word.by)}; "
            "what was published under it stays as it is"
        )
        for each in published:
            back = f'tidemark reject {dataset.name} {each} --reason "…"'
            out().print(f"  {each} is published under it; to take it back: [bold]{back}[/]")
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


def print_acceptance(accepted: Acceptance) -> None:
    """Print one that stands: who, when, why."""
    out().print(
        f"[bold]{accepted.code}[/]  {_months(accepted)}: accepted by {shown(accepted.by)} on "
        f"{accepted.at:%Y-%m-%d}: {shown(accepted.reason)}"
    )


def withdrawn_json(withdrawn: Withdrawn) -> dict[str, object]:
    from tidemark.report import rfc3339

    taken_back = {"by": withdrawn.by, "reason": withdrawn.reason, "at": rfc3339(withdrawn.at)}
    return acceptance_json(withdrawn.acceptance) | {"withdrawn": taken_back}


def print_withdrawn(withdrawn: Withdrawn) -> None:
    """Print one that stands no more: who took it back, when, why, and whose it was."""
    known = withdrawn.acceptance
    whose = f"(accepted by {shown(known.by)} on {known.at:%Y-%m-%d}: {shown(known.reason)})"
    out().print(
        f"[bold]{known.code}[/]  {_months(known)}: withdrawn by {shown(withdrawn.by)} on {withdrawn.at:%Y-%m-%d}: "
        f"{shown(withdrawn.reason)} [dim]{whose}[/]"
    )


def _months(accepted: Acceptance) -> str:
    return f"from {accepted.first}{f' to {accepted.last}' if accepted.last else ' on'}"


def _print(accepted: Acceptance, due: tuple[Due, ...], *, new: bool) -> None:
    from tidemark.remedies import after_acceptance

    done = "" if new else " (on record already)"
    out().print(f"[bold]{accepted.code}[/] {_months(accepted)}: accepted by {shown(accepted.by)}{done}")
    if accepted.rows is None:
        out().print(_of_what_comes(accepted))
    for told in after_acceptance(accepted, due):
        out().print(shown(told))


def _of_what_comes(accepted: Acceptance) -> str:
    """Say what an acceptance does whose check has rejected no month of its time."""
    if accepted.last is None:
        until = "it will only warn, for good: give --to to end it"
    else:
        until = f"to {accepted.last} it will only warn"
    return f"Nothing was rejected by it so far; from {accepted.first} on {until}"
