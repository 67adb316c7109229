"""`hint login`: use a Label Studio of one's own."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from hint_tools.cli.invoke import invoke, project_at
from hint_tools.cli.options import JsonOption, ProjectOption
from hint_tools.cli.registry import SUMMARIES
from hint_tools.core.report import Report
from hint_tools.labelstudio.connection import TOKEN_VARIABLE
from hint_tools.labelstudio.server import run_login


def register(app: typer.Typer) -> None:
    """Add the verb to the application."""
    app.command("login", help=SUMMARIES["login"], epilog="Example:  hint login https://labels.example.org")(_login)


def _login(
    url: Annotated[str, typer.Argument(metavar="URL", help="Address of the server.", show_default=False)],
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """The token is asked for, read from a pipe, or taken from the environment: never from the arguments."""

    def work() -> Report:
        opened = project_at(project)
        return run_login(opened, url, _token())

    invoke(work, as_json=as_json)


def _token() -> str:
    if kept := os.environ.get(TOKEN_VARIABLE):
        return kept
    if not sys.stdin.isatty():
        return sys.stdin.readline().strip()
    return str(typer.prompt("Access token (from the server's account page)", hide_input=True))
