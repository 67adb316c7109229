"""The application. Only the verb that was asked for is imported, and the list of verbs is plain text, for speed."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from typing import Any

import typer

from hint_tools import __version__
from hint_tools.cli.registry import SUMMARIES

_HELP = """Make, check and use HInt-style hand data.

A first look, with nothing of your own:  hint demo

A round on your footage:  hint init round1 && cd round1 && hint sample --source folder --root ~/footage --n 50
"""


def build_app(arguments: list[str]) -> typer.Typer:
    """The application, with the verb of `arguments` loaded and the others only named."""
    wanted = next((a for a in arguments if not a.startswith("-")), None)
    app = typer.Typer(
        name="hint",
        help=_HELP,
        no_args_is_help=True,
        rich_markup_mode="rich" if wanted else None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    completing = any(name.endswith("_COMPLETE") and name.startswith("_HINT") for name in os.environ)
    for name, summary in SUMMARIES.items():
        if completing or name == wanted:
            importlib.import_module(f"hint_tools.cli.{name}").register(app)
        else:
            app.command(name, help=summary)(_unloaded)
    return app


def _root(version: bool = typer.Option(False, "--version", help="Print the version and stop.", is_eager=True)) -> None:
    if version:
        typer.echo(f"hint-tools {__version__}")
        raise typer.Exit


def _unloaded() -> None:
    """Stands for a verb in the list of `hint --help`; the verb that is called is always loaded."""
    raise RuntimeError("a verb was called that was not loaded")


Register = Callable[[typer.Typer], Any]
"""What each verb's module offers: `register(app)`."""
