"""`hint qc`: agreement, findings, consensus, queue; `hint qc sigma`: COCO's σ of any double annotations."""

from __future__ import annotations

import inspect
from typing import Any

import typer

from hint_tools.cli.registry import SUMMARIES
from hint_tools.cli.stage import add_stage, stage_command


def register(app: typer.Typer) -> None:
    """Add the verbs to the application."""
    group = typer.Typer()
    own = stage_command("qc")

    def callback(context: typer.Context, **values: Any) -> None:
        if context.invoked_subcommand is None:
            own(**values)

    given = inspect.signature(own).parameters.values()
    first = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    callback.__signature__ = inspect.Signature([first, *given])  # type: ignore[attr-defined]
    callback.__annotations__ = {p.name: p.annotation for p in (first, *given)}
    group.callback(
        invoke_without_command=True,
        help=SUMMARIES["qc"],
        epilog="Example:  hint qc --max-flagged 0.2 --min-within-palm 0.9 --earlier ../pilot",
    )(callback)
    add_stage(
        group,
        "sigma",
        name="qc-sigma",
        summary="COCO's sigma of any skeleton, from COCO files of several annotators.",
        example="hint qc sigma first.json second.json",
    )
    app.add_typer(group, name="qc")
