"""`hint hamer`: look into checkpoints, convert them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hint_tools.cli.invoke import invoke
from hint_tools.cli.options import JsonOption
from hint_tools.cli.registry import SUMMARIES
from hint_tools.core.report import Report

_Checkpoint = Annotated[
    Path,
    typer.Argument(
        metavar="CKPT", help="Checkpoint: ours, HaMeR's, a state dict, a backbone or safetensors.", show_default=False
    ),
]


def register(app: typer.Typer) -> None:
    """Add the verbs to the application."""
    group = typer.Typer(help=SUMMARIES["hamer"], no_args_is_help=True)
    group.command(
        "convert",
        help="Write a checkpoint as safetensors, without the hand model's licensed arrays.",
        epilog="Example:  hint hamer convert hamer_ckpts/checkpoints/hamer.ckpt hamer.safetensors",
    )(_convert)
    group.command(
        "info",
        help="Say what a checkpoint holds: sizes, parameters, step, hand model, missing and unexpected arrays.",
        epilog="Example:  hint hamer info runs/first/last.ckpt",
    )(_info)
    app.add_typer(group, name="hamer")


def _convert(
    checkpoint: _Checkpoint,
    out: Annotated[Path, typer.Argument(metavar="OUT.safetensors", help="File to write.", show_default=False)],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check the checkpoint; write nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    def work() -> Report:
        from hint_tools.hamer.convert import convert

        return convert(checkpoint, out, dry_run=dry_run)

    invoke(work, as_json=as_json)


def _info(checkpoint: _Checkpoint, as_json: JsonOption = False) -> None:
    def work() -> Report:
        from hint_tools.hamer.convert import describe

        return describe(checkpoint)

    invoke(work, as_json=as_json)
