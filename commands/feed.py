"""``tidemark feed``: serves a folder as the TLC does, to try things against."""

from __future__ import annotations

from pathlib import Path

import click

from commands.output import err


def _nameable(_context: click.Context, _parameter: click.Parameter, folder: Path) -> Path:
    try:
        folder.is_dir()
    except OSError:
        raise click.BadParameter("no folder can have this name.") from None
    return folder


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path), callback=_nameable)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Left out: any free port.")
def feed(folder: Path, port: int) -> int:
    """Serve a folder as the TLC does: ETag, Last-Modified, ranges, 403 for what is absent. Ctrl-C ends it."""
    from demo.feed import serve

    serve(
        folder,
        port,
        on_ready=lambda url: err().print(
            f"serving {folder} at {url} (TIDEMARK_SOURCE={url}); Ctrl-C ends it", markup=False
        ),
        on_request=lambda r: err().print(f"{r.method} {r.path} {r.status} {r.sent:,} bytes", markup=False),
    )
    return 0
