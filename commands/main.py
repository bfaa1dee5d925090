"""The entry of ``tidemark``: its commands, and how every error ends."""

from __future__ import annotations

import io
import os
import sys
import traceback
from pathlib import Path

import click
import psycopg2

from commands import accept, backfill, checks, dataset, doctor, down, explain, feed, plan, reject, release, status
from commands.output import err, plain, print_error
from tidemark.errors import TidemarkError, UsageError
from tidemark.postgres import explain as explain_database
from tidemark.settings import without_secrets

DEBUG = "--debug"
LONGEST_TRACE = 100_000  # the texts of exceptions may hold what others sent


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tidemark", message="tidemark %(version)s")
@click.option(DEBUG, is_flag=True, help="Show the traceback of an error; may stand anywhere.")
def app(debug: bool) -> None:
    """Backfill and watch datasets that are published once a month."""


for command in (
    plan.plan,
    backfill.backfill,
    status.status,
    explain.explain,
    checks.checks,
    release.release,
    reject.reject,
    accept.accept,
    dataset.dataset,
    feed.feed,
    doctor.doctor,
    down.down,
):
    app.add_command(command)


def main() -> None:
    """Run the command line; ends the process with the exit status that the command's outcome has."""
    _make_streams_safe()
    arguments = [argument for argument in sys.argv[1:] if argument != DEBUG]
    sys.exit(run(arguments or ["--help"], debug=DEBUG in sys.argv[1:]))


def run(arguments: list[str], *, debug: bool = False) -> int:
    """Run one command and return its exit status; an error is one sentence, with ``debug`` below its traceback."""
    as_json = "--json" in arguments
    try:
        code = app(arguments, prog_name="tidemark", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        return _refuse(error, as_json)
    except (KeyboardInterrupt, click.Abort):
        return 130
    except (BrokenPipeError, SystemExit):  # whoever read the output has seen enough; click and rich then exit with 1
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # noqa: BLE001 - whatever it is ends as one sentence
        if debug:
            err().print(_trace(error), markup=False)
        told = _explained(error)
        print_error(told.code, told.message, told.remedy, as_json=as_json)
        return 2 if isinstance(told, UsageError) else 1
    return code if isinstance(code, int) else 0


def _explained(error: Exception) -> TidemarkError:
    if isinstance(error, TidemarkError):
        return error
    for each in (error, error.__cause__):  # SQLAlchemy raises an error of its own from the driver's
        if isinstance(each, psycopg2.Error):
            return explain_database(each, "this command")
    return TidemarkError(
        f"An error that Tidemark did not expect: {type(error).__name__}.",
        remedy=f"Run it again with {DEBUG} to see where, and please report it.",
        code="internal",
    )


def _trace(error: Exception) -> str:
    text = without_secrets("".join(traceback.format_exception(error)).rstrip())
    return plain(text, kept="\n", longest=LONGEST_TRACE)


def _make_streams_safe() -> None:
    """Let a stream that was closed swallow what is written, and show what it has no letters for as ``?``."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - open to the end
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _refuse(error: click.ClickException, as_json: bool) -> int:
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "tidemark"
    message = error.format_message()
    if not message.endswith((".", "?")):  # click ends some of its sentences and some not
        message += "."
    print_error("usage", message, f"See {path} --help.", as_json=as_json)
    return 2


if __name__ == "__main__":
    main()
