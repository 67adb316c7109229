"""The stages that are interrupted, in order, sized so that each has something to interrupt."""

from __future__ import annotations

from as_a_user import world


def stages() -> dict[str, tuple[str, ...]]:
    """Name -> words of the command."""
    return {
        "sample": ("sample", "--source", "folder", "--root", str(world().footage), "--every-s", "0.1"),
        "prelabel": ("prelabel", "--tiles"),
        "qc": ("qc",),
        "fit": ("fit",),
        "release": ("release", "build", "r1"),
        "train": (
            "train", "--release", "releases/r1", "--preset", "tiny", "--steps", "12", "--batch-size", "4",
            "--save-every", "4",
        ),
        "benchmark": ("benchmark", "runs/first/last.ckpt", "--release", "releases/r1", "--split", "train"),
    }  # fmt: skip
