"""Settings of `hint release build` and `hint release verify`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from hint_tools.parallel.config import EngineConfig
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


class ReleaseRebuildConfig(EngineConfig):
    """What to rebuild the published HInt from."""

    partial: Path = Field(description="The published folder without Ego4D's pictures; they are put into it.")
    frames: Path = Field(description="HInt's ego4d_frame_names.json: which frames become which files.")
    clips: str | Path | None = Field(
        default=None,
        description="Folder or URL (s3://, gs://) with Ego4D's <clip uid>.mp4; without it the rebuild is only planned.",
    )
    work: Path | None = Field(
        default=None,
        description="Where plan, journal and checksums go; default: <tree>.rebuild beside the tree.",
    )
    expect: Path | None = Field(
        default=None, description="pictures.json of another rebuild: say which file differs from it, and why."
    )
    ffmpeg: Path | None = Field(
        default=None, description="The FFmpeg 5.1 to use; default: $HINT_FFMPEG, else ffmpeg on the search path."
    )
    keep: bool = Field(default=False, description="Clips at a URL: keep what is fetched for the next run.")
    cache_gb: float = Field(
        default=20.0, gt=0, allow_inf_nan=False, description="Clips at a URL: most that fetched ones may take up."
    )
    replace: bool = Field(default=False, description="Write over standing pictures that differ.")
    zip: bool = Field(default=False, description="Also make the authors' deterministic archive and compare its MD5.")
