"""Base of every stage's settings: at once the YAML section, the `hint.toml` section and the command's options."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hint_tools.core.errors import ConfigError

C = TypeVar("C", bound="StageConfig")


class StageConfig(BaseModel):
    """Settings of one stage. Every field has a description: it is the help text of the option.

    A field with `json_schema_extra={"argument": True}` is a positional argument on the command line;
    one with `{"hidden": True}` can only be set in a file.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    dry_run: bool = Field(default=False, description="Say what would be done; write nothing.")

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


def resolve_path(value: Path, base: Path) -> Path:
    """`value` with `~` expanded, absolute; relative ones count from `base`."""
    expanded = value.expanduser()
    return expanded if expanded.is_absolute() else (base / expanded).resolve()
