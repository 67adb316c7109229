"""Settings of `hint release build` and `hint release verify`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from hint_tools.store.config import StageConfig


class ReleaseBuildConfig(StageConfig):
    """What goes into a release."""

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
        description="Name of the release: the folder below releases/.",
        json_schema_extra={"argument": True},
    )
    notes: str = Field(default="", description="What changed since the last release, for the card.")
    sources: tuple[str, ...] = Field(default=(), description="Only hands of these sources; default: all.")
    images: Literal["all", "redistributable"] = Field(
        default="all",
        description="Which pictures to put in: all, or only those whose licence lets you pass them on.",
    )
    fits: bool = Field(default=True, description="Add MANO parameters of accepted fits.")
    min_submissions: int = Field(default=1, ge=1, description="Leave out hands that fewer annotators answered.")


class ReleaseVerifyConfig(StageConfig):
    """Which release to check."""

    directory: Path = Field(description="The release's folder.", json_schema_extra={"argument": True})
    pixels: bool = Field(
        default=False, description="Also decode the pictures you brought yourself and compare their pixels."
    )
