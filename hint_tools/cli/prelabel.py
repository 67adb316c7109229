"""`hint prelabel`: predict keypoints."""

from __future__ import annotations

import typer

from hint_tools.cli.stage import add_stage


def register(app: typer.Typer) -> None:
    """Add the verb to the application."""
    add_stage(
        app, "prelabel", example="hint prelabel --backend mmpose --config rtmpose-m_hand5.py --checkpoint rtmpose.pth"
    )
