"""`hint fit`: MANO parameters with uncertainty."""

from __future__ import annotations

import typer

from hint_tools.cli.stage import add_stage


def register(app: typer.Typer) -> None:
    """Add the verb to the application."""
    add_stage(app, "fit", example="hint fit --mano ~/mano_v1_2/models/MANO_RIGHT.pkl")
