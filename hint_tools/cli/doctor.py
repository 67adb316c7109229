"""`hint doctor`: check this machine."""

from __future__ import annotations

import typer

from hint_tools.cli.invoke import invoke
from hint_tools.cli.options import JsonOption
from hint_tools.cli.registry import SUMMARIES
from hint_tools.pipeline.doctor import run_doctor


def register(app: typer.Typer) -> None:
    """Add the verb to the application."""
    app.command("doctor", help=SUMMARIES["doctor"], epilog="Example:  hint doctor --json")(_doctor)


def _doctor(as_json: JsonOption = False) -> None:
    invoke(run_doctor, as_json=as_json)
