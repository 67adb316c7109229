"""Pipeline files: every mistake is told before anything runs."""

import pytest

from hint_tools.core.errors import ConfigError, UsageError
from hint_tools.pipeline.round import read_round, run_round

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
