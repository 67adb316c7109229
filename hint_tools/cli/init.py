"""`hint init`: make a project folder."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from hint_tools.cli.invoke import invoke
from hint_tools.cli.options import JsonOption
from hint_tools.cli.registry import SUMMARIES
from hint_tools.core.report import Report
from hint_tools.store.project import create_project


def register(app: typer.Typer) -> None:
    """Add the verb to the application."""
    app.command("init", help=SUMMARIES["init"], epilog="Example:  hint init round1")(_init)


def _init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to make.", show_default=False)],
    name: Annotated[str | None, typer.Option("--name", help="Name of the round; default: the folder's.")] = None,
    as_json: JsonOption = False,
) -> None:
    def work() -> Report:
        project = create_project(folder, name or folder.resolve().name)
        return Report(
            stage="init",
            counts={"project": project.name, "folder": str(project.root)},
            outputs=("hint.toml",),
            next_command=f"cd {shlex.quote(str(folder))} && hint sample --source folder --root DIR --n 50",
        )

    invoke(work, as_json=as_json)
