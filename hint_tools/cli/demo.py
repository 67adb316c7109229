"""`hint demo`: a whole round on a synthetic world."""

from __future__ import annotations

import typer

from hint_tools.cli.stage import add_stage


def register(app: typer.Typer) -> None:
    """Add the verb to the application."""
    add_stage(app, "demo", example="hint demo --out demo")
