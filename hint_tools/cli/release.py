"""`hint release`: freeze a dataset, check one, complete the published one."""

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
        summary="Check a release or the published HInt: files, counts, schema, leakage.",
        example="hint release verify releases/r1",
    )
    add_stage(
        group,
        "rebuild",
        summary="Complete the published HInt with its Ego4D pictures, byte for byte.",
        example="hint release rebuild --partial HInt_annotation_partial --frames ego4d_frame_names.json --clips DIR",
    )
    app.add_typer(group, name="release")
