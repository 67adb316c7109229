"""Command-line options made from a stage's settings, so the two can't drift apart."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import typer
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from hint_tools.store.config import StageConfig

ProjectOption = Annotated[
    Path | None,
    typer.Option("--project", help="Project folder; default: the nearest one upward.", show_default=False),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout; logs go to stderr.")]


def command_from(config: type[StageConfig], body: Callable[..., None]) -> Callable[..., None]:
    """A function with one parameter for each setting of `config`, plus `--project` and `--json`.

    It calls `body(values, project=..., as_json=...)`, where `values` holds only what was typed.
    """
    parameters = [
        _parameter(name, info) for name, info in config.model_fields.items() if not _extra(info).get("hidden")
    ]
    parameters.sort(key=lambda p: (p.default is not inspect.Parameter.empty, p.name in StageConfig.model_fields))
    common = [
        inspect.Parameter("project", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=ProjectOption),
        inspect.Parameter("as_json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=JsonOption),
    ]

    def command(**given: Any) -> None:
        project, as_json = given.pop("project"), given.pop("as_json")
        values = {k: _plain(v) for k, v in given.items() if v is not None and v != []}
        body(values, project=project, as_json=as_json)

    command.__signature__ = inspect.Signature([*parameters, *common])  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in [*parameters, *common]}
    return command


def _extra(info: FieldInfo) -> dict[str, Any]:
    extra = info.json_schema_extra
    return extra if isinstance(extra, dict) else {}


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value


def _parameter(name: str, info: FieldInfo) -> inspect.Parameter:
    kind, help_text = _option_type(info.annotation), info.description or ""
    if _extra(info).get("argument"):
        required = info.is_required()
        annotation = _annotated(kind if required else kind | None, typer.Argument(help=help_text, show_default=False))
        default = inspect.Parameter.empty if required else None
        return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
    shown = _shown_default(info)
    flag = name.replace("_", "-")
    names = [f"--{flag}/--no-{flag}"] if kind is bool and info.default is True else [f"--{flag}"]
    told = f"{help_text} {'Required' if info.is_required() else f'Default: {shown}'}." if shown else help_text
    option = typer.Option(*names, help=told, show_default=False, rich_help_panel=_extra(info).get("panel"))
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_annotated(kind | None, option)
    )


def _annotated(kind: Any, option: Any) -> Any:
    """`Annotated[kind, option]` of a type that is only known now."""
    return cast("Any", Annotated)[kind, option]


def _shown_default(info: FieldInfo) -> str:
    default = info.get_default(call_default_factory=False)
    if default is PydanticUndefined or default is None or default is False or default == () or default == "":
        return "required" if info.is_required() else ""
    return ",".join(map(str, default)) if isinstance(default, tuple | list) else str(default)


def _option_type(annotation: Any) -> Any:
    """What typer should read for a field: `None` is dropped, tuples are repeated options, literals are choices."""
    origin = typing.get_origin(annotation)
    if origin in (types.UnionType, typing.Union):
        kept = [a for a in typing.get_args(annotation) if a is not type(None)]
        return _option_type(kept[0])
    if origin is Literal:
        return Enum("Choice", {str(v): str(v) for v in typing.get_args(annotation)}, type=str)
    if origin in (tuple, list):
        return types.GenericAlias(list, (_option_type(typing.get_args(annotation)[0]),))
    if annotation in (int, float, str, bool, Path):
        return annotation
    return str
