"""Base of every stage's settings: at once the YAML section, the `hint.toml` section and the command's options."""

from __future__ import annotations

import re
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic.fields import FieldInfo

from hint_tools.core.errors import ConfigError

C = TypeVar("C", bound="StageConfig")

_WANTED: dict[type, str] = {bool: "true or false", float: "a valid number", int: "a valid integer"}
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


class StageConfig(BaseModel):
    """Settings of one stage. Every field has a description: it is the help text of the option.

    A field with `json_schema_extra={"argument": True}` is a positional argument on the command line;
    one with `{"hidden": True}` can only be set in a file; one with `{"output": True}` names what is written.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    dry_run: bool = Field(default=False, description="Say what would be done; write nothing.")

    @field_validator("*", mode="before")
    @classmethod
    def _as_it_is_written(cls, value: Any, info: ValidationInfo) -> Any:
        """Files have numbers, text and truth values; one is not taken for the other, though it might be read so."""
        kinds = _kinds(cls.model_fields[str(info.field_name)])
        if kinds <= {bool, int, float} and isinstance(value, bool | str) and type(value) not in kinds:
            wanted = next(word for kind, word in _WANTED.items() if kind in kinds)
            raise ValueError(f"Input should be {wanted}")
        return value

    @classmethod
    def rooted(cls, values: Mapping[str, Any], *bases: Path) -> dict[str, Any]:
        """`values` with every relative path made absolute.

        Args:
            values: as they were written.
            bases: folders that inputs are looked for in, first to last; what none of them has counts from the
                first, and so do outputs, but from the last.
        """
        return {name: _rooted(value, bases, cls.model_fields.get(name)) for name, value in values.items()}

    @classmethod
    def layered(cls, *layers: tuple[str, dict[str, Any]]) -> Self:
        """Settings from several places, later ones winning.

        Args:
            layers: (where they come from, values) pairs, such as `("hint.toml [qc]", {...})`.

        Raises:
            ConfigError: unknown or wrong values; all of them are listed, each with where it came from.
        """
        merged: dict[str, Any] = {}
        origin: dict[str, str] = {}
        for where, values in layers:
            merged.update(values)
            origin.update(dict.fromkeys(values, where))
        try:
            return cls.model_validate(merged)
        except ValidationError as error:
            problems = tuple(_problem(e, origin) for e in error.errors())
            raise ConfigError(
                "these settings don't fit:", problems=problems, hint="see --help for what is expected"
            ) from None


def _kinds(info: FieldInfo) -> set[Any]:
    """The types a setting may have, apart from none."""
    return set(typing.get_args(info.annotation) or (info.annotation,)) - {type(None)}


def _rooted(value: Any, bases: tuple[Path, ...], info: FieldInfo | None) -> Any:
    if info is None or Path not in (info.annotation, *typing.get_args(info.annotation)):
        return value
    if isinstance(value, list | tuple):
        return type(value)(_rooted(v, bases, info) for v in value)
    if not isinstance(value, str | Path) or is_url(value):
        return value
    extra = info.json_schema_extra
    if isinstance(extra, dict) and extra.get("output"):
        return resolve_path(Path(value), bases[-1])
    candidates = [resolve_path(Path(value), base) for base in bases]
    return next((c for c in candidates if c.exists()), candidates[0])


def _problem(error: Any, origin: dict[str, str]) -> str:
    name = ".".join(str(p) for p in error["loc"]) or "(settings)"
    where = origin.get(str(error["loc"][0]), "") if error["loc"] else ""
    if error["type"] == "extra_forbidden":
        return f"{name}: no such setting" + (f" (from {where})" if where else "")
    message = str(error["msg"]).removeprefix("Value error, ")
    if not error["loc"]:  # about several settings together: the message names them
        return message
    got = "" if error["type"] == "missing" else f", got {error['input']!r}"
    return f"{name}: {message}{got}" + (f" (from {where})" if where else "")


def is_url(value: str | Path) -> bool:
    """Whether `value` is a URL (`s3://bucket/folder`), not a path."""
    return isinstance(value, str) and _URL.match(value) is not None


def resolve_path(value: Path, base: Path) -> Path:
    """`value` with `~` expanded, absolute; relative ones count from `base`."""
    expanded = value.expanduser()
    return expanded if expanded.is_absolute() else (base / expanded).resolve()
