"""`hint benchmark`: score a checkpoint."""

from __future__ import annotations

import typer

from hint_tools.cli.stage import add_stage


def register(app: typer.Typer) -> None:
    """Add the verb to the application."""
    add_stage(app, "benchmark", example="hint benchmark runs/first/last.ckpt --release releases/r1")
