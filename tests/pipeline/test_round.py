"""Pipeline files: every mistake is told before anything runs."""

from pathlib import Path

import pytest

from hint_tools.core.errors import ConfigError, UsageError
from hint_tools.pipeline.round import read_round, run_round
from hint_tools.pipeline.stages import settings, stage
from hint_tools.store.project import create_project, open_project

GOOD = """
schema: hint.pipeline/1
name: pilot
project: round1
stages:
  - sample: {source: folder, root: footage, n: 5}
  - qc:
"""


def write(tmp_path, text):
    path = tmp_path / "p.yaml"
    path.write_text(text)
    return path


def test_a_good_file_is_read_and_its_paths_count_from_it(tmp_path):
    path = write(tmp_path, GOOD)
    assert [next(iter(s)) for s in read_round(path).stages] == ["sample", "qc"]
    report = run_round(path, dry_run=True)
    assert report.counts == {"stages": 2, "project": str(tmp_path / "round1")}
    assert not (tmp_path / "round1").exists()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: [", "expected YAML"),
        ("schema: hint.pipeline/2\nname: x\nstages: []\n", "schema: Input should be 'hint.pipeline/1'"),
        (GOOD.replace("  - qc:", "  - {qc: , fit: }"), "expected one stage, got"),
        (GOOD.replace("n: 5", "n: 5, colour: red"), "colour: no such setting"),
        (GOOD.replace("n: 5", "n: lots"), "n: Input should be a valid integer"),
        (GOOD + "  - annotate: {answers: 0}\n", "annotate"),
        ("!!python/object/apply:os.system ['touch hacked']", "expected YAML"),
    ],
)
def test_mistakes_are_told_and_nothing_is_made(tmp_path, monkeypatch, text, says):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=says):
        run_round(write(tmp_path, text))
    assert [p.name for p in tmp_path.iterdir()] == ["p.yaml"]


def test_an_unknown_stage_names_the_known_ones(tmp_path):
    with pytest.raises(UsageError, match="no stage 'brew'; expected one of sample, prelabel"):
        run_round(write(tmp_path, GOOD.replace("- qc:", "- brew:")))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match="no such pipeline file"):
        read_round(tmp_path / "x.yaml")


def test_the_projects_settings_count_as_the_stages_will_see_them(tmp_path):
    """A setting that only hint.toml gives is no mistake of the file."""
    project = create_project(tmp_path / "round1", "pilot")
    path = write(tmp_path, GOOD.replace(", root: footage", ""))
    with pytest.raises(ConfigError, match="root: Field required"):
        run_round(path, dry_run=True)
    with (project.root / "hint.toml").open("a") as settings:
        settings.write("[sample]\nroot = 'footage'\n")
    assert run_round(path, dry_run=True).counts["stages"] == 2


def test_relative_paths_of_options_and_of_hint_toml(tmp_path, monkeypatch):
    """Options count from where the command is typed, hint.toml from the project, a pipeline file from itself."""
    root = create_project(tmp_path / "round1", "pilot").root
    (root / "hint.toml").write_text(
        (root / "hint.toml").read_text()
        + "[sample]\nsource = 'folder'\nroot = 'a'\nboxes = 'b.json'\n[benchmark]\nnpz = ['x_all.npz']\n"
    )
    project = open_project(root)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    sample = settings(stage("sample"), project, "the command line", {"root": Path("../c")})
    assert (sample.root, sample.boxes) == (tmp_path / "c", root / "b.json")
    scored = settings(stage("benchmark"), project, "the command line", {"checkpoint": Path("m.ckpt")})
    assert (scored.checkpoint, scored.npz) == (tmp_path / "elsewhere" / "m.ckpt", (root / "x_all.npz",))
    assert scored.out == Path("benchmark")  # the stage puts its default into the project
    for name in ("runs", "r1"):
        (root / name).mkdir()
    given = {"checkpoint": "runs", "release": "r1", "images": "pictures", "out": "scores"}
    from_file = settings(stage("benchmark"), None, "p.yaml", given, tmp_path, root)
    assert (from_file.checkpoint, from_file.release) == (root / "runs", root / "r1")
    assert (from_file.images, from_file.out) == (tmp_path / "pictures", root / "scores")
