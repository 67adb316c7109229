"""How every verb runs: listen to progress, run, print; turn errors into messages and exit codes."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import typer

from hint_tools.cli import console
from hint_tools.cli.main import INTERRUPTED
from hint_tools.core.errors import ExitCode, HintError
from hint_tools.core.progress import listen
from hint_tools.core.report import Report
from hint_tools.pipeline.stages import missing_package
from hint_tools.store.project import Project, find_project, open_project


def invoke(work: Callable[[], Report], *, as_json: bool) -> None:
    """Run `work` and print its report; always ends by `typer.Exit` with the right code."""
    with errors_explained(as_json=as_json):
        listen(console.progress_listener())
        report = work()
    if as_json:
        console.print_json(report)
    else:
        console.print_report(report)
    raise typer.Exit(int(console.exit_code(report)))


@contextmanager
def errors_explained(*, as_json: bool) -> Iterator[None]:
    """Errors of the user's to mend become a message and an exit code; anything else stays a traceback."""
    previous = signal.signal(signal.SIGTERM, _as_interrupt)
    try:
        yield
    except HintError as error:
        _tell(error, as_json=as_json)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("hint_tools"):
            raise
        _tell(missing_package(error), as_json=as_json)
    except KeyboardInterrupt:
        typer.echo(INTERRUPTED, err=True)
        raise typer.Exit(int(ExitCode.INTERRUPTED)) from None
    finally:
        signal.signal(signal.SIGTERM, previous)


def _as_interrupt(number: int, frame: FrameType | None) -> None:
    """A polite kill ends a stage as Ctrl-C does."""
    raise KeyboardInterrupt


def _tell(error: HintError, *, as_json: bool) -> None:
    if os.environ.get("HINT_DEBUG"):
        raise error
    if as_json:
        console.print_error_json(error)
    else:
        console.print_error(error)
    raise typer.Exit(int(error.exit_code)) from None


def project_at(given: Path | None) -> Project:
    """The project named by `--project`, else the nearest one upward.

    Raises:
        ConfigError: there is none.
    """
    return open_project(given if given is not None else find_project(Path.cwd()))


def project_if_any(given: Path | None) -> Project | None:
    """As `project_at`, but None where no project is named and none is near."""
    from hint_tools.core.errors import ConfigError
    from hint_tools.store.project import MARKER

    if given is not None:
        return project_at(given)
    try:
        root = find_project(Path.cwd())
    except ConfigError:
        return None
    return open_project(root) if (root / MARKER).is_file() else None
