"""Settings of `hint demo`."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from hint_tools.store.config import StageConfig


class DemoConfig(StageConfig):
    """How large the demonstration is."""

    out: Path = Field(
        default=Path("demo"),
        description="Folder to make; the same command continues there.",
        json_schema_extra={"output": True},
    )
    seed: int = Field(default=0, ge=0, description="Decides the whole world and its annotators.")
    images: int = Field(default=16, ge=2, description="Pictures in the plain folder.")
    clips: int = Field(default=4, ge=2, description="Clips in Ego4D's layout.")
    clip_frames: int = Field(default=150, ge=90, description="Length of each clip, frames at 30 a second.")
    ego4d_frames: int = Field(default=20, ge=4, description="Frames to sample from the clips.")
    folder_frames: int = Field(default=20, ge=2, description="Frames to sample from the plain folder.")
    train_steps: int = Field(default=40, ge=1, description="Steps to train a small HaMeR for.")
    keep_server: bool = Field(default=False, description="Leave Label Studio running, to look at the answers in it.")
