"""The entry of ``tidemark``: its commands, and how every error ends."""

from __future__ import annotations

import os
import sys

import click
import psycopg2

from commands import backfill, doctor, down, explain, feed, plan, status
from commands.output import print_error
from tidemark.errors import TidemarkError, UsageError
from tidemark.postgres import explain as explain_database

DEBUG = "--debug"


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(DEBUG, is_flag=True, help="Show the traceback of an error; may stand anywhere.")
def app(debug: bool) -> None:
    """Backfill and watch datasets that are published once a month."""


for command in (plan.plan, backfill.backfill, status.status, explain.explain, feed.feed, doctor.doctor, down.down):
    app.add_command(command)


def main() -> None:
    """Run the command line; ends the process with the exit status that the command's outcome has."""
    arguments = [argument for argument in sys.argv[1:] if argument != DEBUG]
    sys.exit(run(arguments or ["--help"], debug=DEBUG in sys.argv[1:]))


def run(arguments: list[str], *, debug: bool = False) -> int:
    """Run one command and return its exit status: no error leaves as a traceback unless ``debug``."""
    as_json = "--json" in arguments
    try:
        code = app(arguments, prog_name="tidemark", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        return _refuse(error, as_json)
    except (KeyboardInterrupt, click.Abort):
        return 130
    except BrokenPipeError:  # whoever read the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except TidemarkError as error:
        if debug:
            raise
        print_error(error.code, error.message, error.remedy, as_json=as_json)
        return 2 if isinstance(error, UsageError) else 1
    except psycopg2.Error as error:
        if debug:
            raise
        explained = explain_database(error, "this command")
        print_error(explained.code, explained.message, explained.remedy, as_json=as_json)
        return 1
    except Exception as error:
        if debug:
            raise
        print_error(
            "internal",
            f"An error that Tidemark did not expect: {type(error).__name__}.",
            "Run it again with --debug to see where, and please report it.",
            as_json=as_json,
        )
        return 1
    return code if isinstance(code, int) else 0


def _refuse(error: click.ClickException, as_json: bool) -> int:
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "tidemark"
    print_error("usage", error.format_message(), f"See {path} --help.", as_json=as_json)
    return 2


if __name__ == "__main__":
    main()
