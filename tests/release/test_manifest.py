"""The manifest format, the one kept of the published HInt, and the ones releases write."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError
from release_world import make_project

from hint_tools.data.annotations import ANNOTATIONS
from hint_tools.release.build import run_build
from hint_tools.release.config import ReleaseBuildConfig, ReleaseVerifyConfig
from hint_tools.release.manifest import Manifest
from hint_tools.release.published import FOLDERS, ZIP_MD5
from hint_tools.release.verify import run_verify
from hint_tools.store.manifests import write_checksums
from hint_tools.store.tables import read_table

KEPT = Path(__file__).parents[2] / "data_manifests"


def test_the_kept_schema_is_the_formats() -> None:
    assert json.loads((KEPT / "manifest.schema.json").read_text()) == Manifest.model_json_schema()


@pytest.mark.parametrize("path", sorted(KEPT.glob("*/manifest.json")), ids=lambda p: p.parent.name)
def test_every_kept_manifest_has_the_format_and_no_media_beside_it(path: Path) -> None:
    manifest = Manifest.model_validate_json(path.read_bytes())
    assert manifest.hands == sum(f.hands for f in manifest.folders.values()) == sum(manifest.licences.values())
    assert (path.parent / manifest.card).is_file()
    assert {p.suffix for p in path.parent.iterdir()} <= {".json", ".md", ".sha256"}


def test_the_published_hint_is_kept_with_the_numbers_verify_checks() -> None:
    manifest = Manifest.model_validate_json((KEPT / "hint_v1" / "manifest.json").read_bytes())
    assert {f: facts.hands for f, facts in manifest.folders.items()} == dict(FOLDERS)
    assert manifest.hands == 40_434
    assert ZIP_MD5 in manifest.checksums
    kinds = {kind: sum(n for f, n in FOLDERS.items() if kind in f) for kind in ("newdays", "epick", "ego4d")}
    assert kinds == {"newdays": 11_970, "epick": 5_311, "ego4d": 23_153}  # 12.0K, 5.3K and 23.2K in the paper


def test_a_release_writes_a_manifest_that_accounts_for_its_hands(tmp_path: Path) -> None:
    report = run_build(ReleaseBuildConfig(name="r1", images="redistributable"), make_project(tmp_path / "round"))
    folder = tmp_path / "round" / "releases" / "r1"
    manifest = Manifest.model_validate_json((folder / "manifest.json").read_bytes())
    rows = read_table(folder / "annotations.parquet", ANNOTATIONS)
    assert manifest.hands == len(rows) == sum(f.hands for f in manifest.folders.values())
    for name, facts in manifest.folders.items():
        assert facts.hands == len(list((folder / name).glob("*.json")))
        assert facts.pictures == len(list((folder / name).glob("*.jpg")))
    left_out = {e.reason: e.count for e in manifest.exclusions}
    assert left_out["the picture may not be passed on"] == report.counts["pictures left out"] == 2
    assert (
        sum(e.count for e in manifest.exclusions if e.of == "hands") + manifest.hands
        == report.counts["hands with a consensus"]
    )


def test_a_manifest_that_says_otherwise_is_found(tmp_path: Path) -> None:
    run_build(ReleaseBuildConfig(name="r1"), make_project(tmp_path / "round"))
    folder = tmp_path / "round" / "releases" / "r1"
    told = json.loads((folder / "manifest.json").read_text())
    for wrong, code in (({"hands": 3}, "release.manifest-differs"), ({"format": "x"}, "release.manifest-unreadable")):
        (folder / "manifest.json").write_text(json.dumps(told | wrong))
        write_checksums(folder)
        assert {f.code for f in run_verify(ReleaseVerifyConfig(directory=folder)).findings} == {code}


def test_unknown_words_are_refused() -> None:
    told = json.loads((KEPT / "hint_v1" / "manifest.json").read_text())
    with pytest.raises(ValidationError, match="pictures_of_faces"):
        Manifest.model_validate(told | {"pictures_of_faces": 1})
