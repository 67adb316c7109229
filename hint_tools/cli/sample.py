"""`hint sample`: choose and extract frames."""

from __future__ import annotations

import typer

from hint_tools.cli.stage import add_stage


def register(app: typer.Typer) -> None:
    """Add the verb to the application."""
    add_stage(app, "sample", example="hint sample --source ego4d --root ~/ego4d_data --n 200 --seed 1 --explain")
