"""`hint status`: what is done, what is stale, how far everybody is, what comes next."""

from __future__ import annotations

import math

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hint_tools.cli.console import show
from hint_tools.cli.invoke import invoke, project_at
from hint_tools.cli.options import JsonOption, ProjectOption
from hint_tools.cli.registry import SUMMARIES
from hint_tools.core.printable import one_line, shortened
from hint_tools.core.report import Report
from hint_tools.pipeline.status import run_status

_COUNTED = ("rejected", "skipped", "unusable")
"""Columns shown where anybody has something in them."""
_WIDE = 100
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
                out.print(f"{_MARKS[row['state']]} ", end="")
                show(out, f"{row['stage']:<10} {row['state']:<6} {row['why']}")
            _print_people(out, report)
        return report

    invoke(work, as_json=as_json)


def _print_people(out: Console, report: Report) -> None:
    """Progress of each annotator, and how many answers the tasks have; nothing before the first push."""
    tasks = report.details["answers_per_task"]
    if not tasks:
        return
    people, again = report.details["annotators"], "second" in tasks
    counted = [k for k in _COUNTED if any(row[k] for row in people)]
    table = Table(box=None, padding=(0, 2 if out.width >= _WIDE else 1, 0, 0), header_style="bold")
    table.add_column("annotator", overflow="fold", min_width=18)
    for name in ("answered", *(["2nd looks"] if again else []), *counted, "median"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("last", no_wrap=True)
    total = {part: sum(numbers.values()) for part, numbers in tasks.items()}
    for row in people:
        looks = [f"{row['second']}/{total['second']}"] if again else []
        pace = f"{row['median_s']:.0f} s" if math.isfinite(row["median_s"]) else "–"
        last = row["last"][:10]
        cells = (f"{row['first']}/{total.get('first', 0)}", *looks, *(str(row[k]) for k in counted), pace, last)
        table.add_row(*(Text(one_line(c)) for c in (shortened(row["annotator"]), *cells)))
    if people:
        out.print()
        out.print(table)
    for part, one in (("first", "task"), ("second", "second look")):
        numbers = tasks.get(part, {})
        if numbers:
            said = ", ".join(f"{n} with {k}" for k, n in sorted(numbers.items()))
            number = sum(numbers.values())
            out.print(f"answers: {number} {one if number == 1 else one + 's'}, {said}")
    out.print()
