"""`hint release`: freeze a dataset, check one."""

from __future__ import annotations

import typer

from hint_tools.cli.registry import SUMMARIES
from hint_tools.cli.stage import add_stage


def register(app: typer.Typer) -> None:
    """Add the verbs to the application."""
    group = typer.Typer(help=SUMMARIES["release"], no_args_is_help=True)
    add_stage(
        group,
        "build",
        name="release",
        summary="Freeze the consensus as a dataset folder.",
        example="hint release build r1",
    )
    add_stage(
        group,
        "verify",
        summary="Check a release: files, counts, schema, leakage.",
        example="hint release verify releases/r1",
    )
    app.add_typer(group, name="release")
