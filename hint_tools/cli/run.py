"""`hint run`: a whole round from one file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hint_tools.cli.invoke import invoke
from hint_tools.cli.options import JsonOption
from hint_tools.cli.registry import SUMMARIES
from hint_tools.pipeline.round import run_round


def register(app: typer.Typer) -> None:
    """Add the verb to the application."""
    app.command("run", help=SUMMARIES["run"], epilog="Example:  hint run pipelines/pilot.yaml")(_run)


def _run(
    pipeline: Annotated[Path, typer.Argument(metavar="FILE.yaml", help="The pipeline file.", show_default=False)],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check the file and every setting; run nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    invoke(lambda: run_round(pipeline, dry_run=dry_run), as_json=as_json)
