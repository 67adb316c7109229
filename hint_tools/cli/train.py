"""`hint train`: train HaMeR on a release."""

from __future__ import annotations

import typer

from hint_tools.cli.stage import add_stage


def register(app: typer.Typer) -> None:
    """Add the verb to the application."""
    add_stage(app, "train", example="hint train --release releases/r1 --preset small --steps 200")
