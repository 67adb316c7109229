"""Settings every stage shares that works on many things at once."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from hint_tools.store.config import StageConfig


class EngineConfig(StageConfig):
    """Where work is done, and how much of it at a time."""

    workers: int | None = Field(
        default=None, ge=1, description="Files at a time; default: one a core, less where there is little to do."
    )
    engine: Literal["local", "ray"] = Field(
        default="local", description="Processes of this machine, or tasks of Ray; the results are the same."
    )
    address: str | None = Field(
        default=None,
        pattern=r"^(\[[0-9A-Fa-f:]+\]|[^:/\s]+):\d{1,5}$",
        description="Of a running Ray cluster, host:port; default: a Ray of its own on this machine.",
    )

    @model_validator(mode="after")
    def _address_is_rays(self) -> Self:
        if self.address is not None and self.engine != "ray":
            raise ValueError(f"address: only for engine ray, got engine {self.engine}")
        return self
