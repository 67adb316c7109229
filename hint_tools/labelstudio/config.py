"""Settings of `hint server`, `hint push` and `hint pull`."""

from __future__ import annotations

from pydantic import Field, field_validator

from hint_tools.store.config import StageConfig

LABEL_STUDIO_VERSION = "1.23.2"
"""The one this toolkit was measured with; another may answer differently."""


class ServerConfig(StageConfig):
    """Settings of the Label Studio that `hint server up` runs on this machine."""

    annotators: list[str] = Field(
        default=["annotator1@hint.local", "annotator2@hint.local", "annotator3@hint.local"],
        description="E-mail-like names; each gets an account with a random password.",
    )
    port: int = Field(default=0, ge=0, le=65535, description="Port on 127.0.0.1; 0 takes a free one and remembers it.")
    wait_s: float = Field(default=300.0, gt=0, description="How long to wait for the server's first answer, s.")
    version: str = Field(
        default=LABEL_STUDIO_VERSION,
        pattern=r"^\d+\.\d+\.\d+$",
        description="Label Studio version to install.",
        json_schema_extra={"hidden": True},
    )

    @field_validator("annotators")
    @classmethod
    def _distinct(cls, names: list[str]) -> list[str]:
        lowered = [n.strip().lower() for n in names]
        if len(set(lowered)) != len(lowered) or not all("@" in n and " " not in n for n in lowered):
            raise ValueError("expected different names like someone@somewhere")
        return lowered


class _RemoteConfig(StageConfig):
    url: str = Field(
        default="",
        pattern=r"^(https?://\S+)?$",
        description="Address of a Label Studio of your own; empty means the one of `hint server up` or `hint login`.",
    )
    timeout_s: float = Field(default=120.0, gt=0, description="How long one request may take, s.")


class PushConfig(_RemoteConfig):
    """Settings of `hint push`."""

    queue: bool = Field(
        default=False, description="Send the hands of the queue again, with the earlier answers shown beside them."
    )
    model: str = Field(
        default="", description="Which model's predictions to show; default: the last `hint prelabel`'s."
    )
    maximum_annotations: int = Field(default=3, ge=1, description="How many people answer each task.")
    adjudicators: int = Field(default=1, ge=1, description="How many people answer each task of the queue.")
    show_names: bool = Field(
        default=False, description="With --queue, say whose the earlier answers are; else they are called A, B, C."
    )
    crop_factor: float = Field(default=2.0, ge=1.0, description="Shown picture: this many times the hand's box.")
    chunk: int = Field(default=200, ge=1, le=1000, description="Tasks a request.", json_schema_extra={"hidden": True})
    image_prefix: str = Field(
        default="",
        description="Where another machine's server finds the project's pictures (https://... or s3://...).",
    )


class PullConfig(_RemoteConfig):
    """Settings of `hint pull`."""

    page_size: int = Field(default=100, ge=1, le=1000, description="Tasks a page.", json_schema_extra={"hidden": True})
