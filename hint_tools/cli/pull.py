"""`hint pull`: bring every annotation back."""

from __future__ import annotations

import typer

from hint_tools.cli.stage import add_stage


def register(app: typer.Typer) -> None:
    """Add the verb to the application."""
    add_stage(app, "pull", example="hint pull --json")
