"""`manifest.json`: what a release holds and leaves out, in one small file that never carries media or annotations.

Every release has one; `data_manifests/` keeps those of published datasets, with the schema.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from hint_tools.data.annotations import ANNOTATIONS_FILE, Annotation
from hint_tools.store.manifests import CHECKSUMS

MANIFEST_FILE: Final = "manifest.json"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FolderFacts(_Part):
    """One folder of pictures and annotations."""

    hands: int = Field(ge=0, description="Annotated hands: one JSON file each.")
    pictures: int = Field(ge=0, description="Of these, how many have their picture in what is handed out.")


class Exclusion(_Part):
    """Something that could have been in and is not."""

    reason: str = Field(min_length=1, description="Why it was left out.")
    count: int = Field(ge=0, description="How many.")
    of: Literal["hands", "pictures", "clips"] = Field(description="What is counted.")


class Manifest(_Part):
    """What a release holds and leaves out."""

    format: Literal["hint-tools.manifest"] = "hint-tools.manifest"
    version: Literal[1] = 1
    name: str = Field(min_length=1, description="Of the release.")
    hands: int = Field(ge=0, description="In all folders.")
    folders: dict[str, FolderFacts] = Field(description="By name: <SPLIT>_<source>_<img or seq>.")
    exclusions: tuple[Exclusion, ...] = Field(description="By reason.")
    licences: dict[str, int] = Field(description="Licence of the picture -> hands.")
    oddities: tuple[str, ...] = Field(default=(), description="True and surprising; none is mended in the release.")
    joint_order: str = "hint"
    pixel_origin: str = Field(description="Where (0, 0) lies in a picture.")
    checksums: str = Field(description="File with the sha256 of every file, or where digests are published.")
    annotations: str = Field(description="File that says of each hand what its JSON has no place for; may be empty.")
    sigmas: str = Field(default="", description="File with the annotators' deviation of each joint; empty without one.")
    card: str = Field(description="File that tells people about the release.")


def manifest_of(
    name: str, rows: Sequence[Annotation], dropped: Mapping[str, int], *, sigmas: str, card: str
) -> Manifest:
    """The manifest of a release that is being built.

    Args:
        name: of the release.
        rows: its hands.
        dropped: reason -> hands with a consensus that were left out.
        sigmas: name of its sigma file; empty without one.
        card: name of its card.
    """
    hands: Counter[str] = Counter(PurePosixPath(r.image).parent.name for r in rows)
    pictures: Counter[str] = Counter(PurePosixPath(r.image).parent.name for r in rows if r.image_included)
    left_out = [Exclusion(reason=why.replace("_", " "), count=n, of="hands") for why, n in sorted(dropped.items())]
    without = len(rows) - pictures.total()
    if without:
        left_out.append(Exclusion(reason="the picture may not be passed on", count=without, of="pictures"))
    return Manifest(
        name=name,
        hands=len(rows),
        folders={f: FolderFacts(hands=n, pictures=pictures[f]) for f, n in sorted(hands.items())},
        exclusions=tuple(left_out),
        licences=dict(sorted(Counter(r.licence for r in rows).items())),
        pixel_origin="centre of the top-left pixel",
        checksums=CHECKSUMS,
        annotations=ANNOTATIONS_FILE,
        sigmas=sigmas,
        card=card,
    )
