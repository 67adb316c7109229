"""A verb that is one stage: options from its settings, settings from file and options, run, print."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer

from hint_tools.cli.invoke import errors_explained, invoke, project_at, project_if_any
from hint_tools.cli.options import command_from
from hint_tools.cli.registry import SUMMARIES
from hint_tools.core.report import Report
from hint_tools.pipeline.stages import settings, stage


def add_stage(
    app: typer.Typer, verb: str, *, example: str, name: str | None = None, summary: str | None = None
) -> None:
    """Register the stage `name` (default: `verb`) on `app` under `verb`."""
    help_text = summary or SUMMARIES[verb]
    app.command(verb, help=help_text, epilog=f"Example:  {example}")(stage_command(name or verb))


def stage_command(name: str) -> Callable[..., None]:
    """What the command line calls for the stage `name`, with its settings as parameters."""
    chosen = stage(name)

    def body(values: dict[str, Any], *, project: Path | None, as_json: bool) -> None:
        def work() -> Report:
            opened = project_at(project) if chosen.needs_project else project_if_any(project)
            return chosen.run_function()(settings(chosen, opened, "the command line", values), opened)

        invoke(work, as_json=as_json)

    with errors_explained(as_json=False):
        config = chosen.config_class()
    return command_from(config, body)
