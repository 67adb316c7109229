"""`hint status`: what is done, what is stale, what comes next."""

from __future__ import annotations

import typer
from rich.console import Console

from hint_tools.cli.invoke import invoke, project_at
from hint_tools.cli.options import JsonOption, ProjectOption
from hint_tools.cli.registry import SUMMARIES
from hint_tools.core.report import Report
from hint_tools.pipeline.status import run_status

_MARKS = {"done": "[green]✓[/green]", "stale": "[yellow]~[/yellow]", "to do": "[dim]·[/dim]"}


def register(app: typer.Typer) -> None:
    """Add the verb to the application."""
    app.command("status", help=SUMMARIES["status"], epilog="Example:  hint status")(_status)


def _status(project: ProjectOption = None, as_json: JsonOption = False) -> None:
    def work() -> Report:
        report = run_status(project_at(project))
        if not as_json:
            out = Console(highlight=False)
            for row in report.details["stages"]:
                out.print(f"{_MARKS[row['state']]} {row['stage']:<10} {row['state']:<6} {row['why']}")
        return report

    invoke(work, as_json=as_json)
