"""`hint server`: a real Label Studio on this machine."""

from __future__ import annotations

import typer

from hint_tools.cli.registry import SUMMARIES
from hint_tools.cli.stage import add_stage


def register(app: typer.Typer) -> None:
    """Add the verbs to the application."""
    group = typer.Typer(help=SUMMARIES["server"], no_args_is_help=True)
    for verb, name, summary in (
        ("up", "server", "Install if needed, start, wait until it answers, make the accounts."),
        ("down", "server-down", "Stop it; its database stays."),
        ("status", "server-status", "Say whether it runs, and where."),
        ("install", "server-install", "Install Label Studio into its own environment; start nothing."),
    ):
        add_stage(group, verb, name=name, summary=summary, example=f"hint server {verb}")
    app.add_typer(group, name="server")
