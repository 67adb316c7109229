"""`hint predict`: meshes, keypoints and cameras of the hands in pictures."""

from __future__ import annotations

import typer

from hint_tools.cli.stage import add_stage


def register(app: typer.Typer) -> None:
    """Add the verb to the application."""
    add_stage(app, "predict", example="hint predict runs/first/last.ckpt photos/ --focal-px 1450")
