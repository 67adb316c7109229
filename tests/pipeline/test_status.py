"""Status: done, stale, to do, and the next command."""

import numpy as np
import pytest
from typer.testing import CliRunner

from hint_tools.cli.app import build_app
from hint_tools.core.errors import DataError
from hint_tools.core.ids import task_key
from hint_tools.core.records import Hand, LedgerEntry, Submission
from hint_tools.pipeline.status import run_status, stage_states
from hint_tools.store.project import create_project
from hint_tools.store.tables import CONSENSUS, FITS, FRAMES, HANDS, LEDGER, PREDICTIONS, SUBMISSIONS


def states(project):
    return {s.stage: s.state for s in stage_states(project)}


def test_a_round_grows_and_goes_stale(tmp_path):
    project = create_project(tmp_path / "r", "r")
    assert set(states(project).values()) == {"to do"}

    project.write(FRAMES, [])
    project.write(HANDS, [])
    project.stamp("sample", reads=[], writes=[FRAMES, HANDS])
    project.write(PREDICTIONS, [])
    project.stamp("prelabel", reads=[FRAMES, HANDS], writes=[PREDICTIONS])
    assert states(project)["prelabel"] == "done"
    assert run_status(project).next_command == "hint push"

    project.write(HANDS, [Hand(hand_id="h", frame_id="f", box=np.zeros(4))])
    project.stamp("sample", reads=[], writes=[FRAMES, HANDS])
    stale = next(s for s in stage_states(project) if s.stage == "prelabel")
    assert (stale.state, stale.why) == ("stale", "hands changed since")
    assert run_status(project).next_command == "hint prelabel"


def test_what_follows_a_stale_stage_is_stale_too(tmp_path):
    project = create_project(tmp_path / "r", "r")
    for name, reads, writes in (
        ("sample", [], [FRAMES, HANDS]),
        ("prelabel", [FRAMES, HANDS], [PREDICTIONS]),
        ("push", [HANDS, PREDICTIONS], []),
        ("pull", [], [SUBMISSIONS]),
        ("qc", [SUBMISSIONS], [CONSENSUS]),
    ):
        for table in writes:
            project.write(table, [])
        project.stamp(name, reads=reads, writes=writes)
    project.table_path(SUBMISSIONS).unlink()
    assert states(project)["pull"] == "stale"
    assert states(project)["qc"] == "stale"


def test_news_of_a_later_stage_make_one_stage_stale_and_nothing_that_follows_it(tmp_path):
    project = create_project(tmp_path / "r", "r")
    for name, reads, writes in (
        ("sample", [], [FRAMES, HANDS]),
        ("prelabel", [FRAMES, HANDS], [PREDICTIONS]),
        ("push", [HANDS, PREDICTIONS], []),
        ("pull", [], [SUBMISSIONS]),
        ("qc", [SUBMISSIONS], [CONSENSUS]),
        ("fit", [CONSENSUS], [FITS]),
        ("release", [CONSENSUS, FITS], []),
    ):
        for table in writes:
            project.write(table, [])
        project.stamp(name, reads=reads, writes=writes, looks_at=[FITS] if name == "qc" else [])
    qc, *others = [s for s in stage_states(project) if s.stage == "qc" or s.state != "done"]
    assert (qc.state, qc.why) == ("stale", "fits changed since it looked at them")
    assert others == []
    assert run_status(project).next_command == "hint qc"
    project.stamp("qc", reads=[SUBMISSIONS], writes=[CONSENSUS], looks_at=[FITS])
    assert set(states(project).values()) == {"done"}


@pytest.mark.parametrize(
    "text", ["", "{oops", "{}", '{"reads": [], "writes": {}}', '{"reads": {}, "writes": {}, "looks_at": 1}']
)
def test_a_damaged_stamp_makes_its_stage_stale(tmp_path, text):
    project = create_project(tmp_path / "r", "r")
    project.write(FRAMES, [])
    project.stamp("sample", reads=[], writes=[FRAMES])
    project.stamp("prelabel", reads=[FRAMES], writes=[])
    (project.root / ".hint/stamps/sample.json").write_text(text)
    sample, prelabel, *_ = stage_states(project)
    assert sample.state == "stale"
    assert ".hint/stamps/sample.json: expected" in sample.why
    assert prelabel.state == "stale"
    assert run_status(project).next_command == sample.command


def test_a_folder_in_the_place_of_a_table_is_told(tmp_path):
    project = create_project(tmp_path / "r", "r")
    project.table_path(SUBMISSIONS).mkdir(parents=True)
    with pytest.raises(DataError, match="expected a Parquet table of submissions, got a folder"):
        run_status(project)


def entry(hand, number):
    return LedgerEntry(
        task_key=task_key(hand, number), hand_id=hand, server_project=1, task_id=1, crop=np.zeros(3), crop_width_px=1,
        crop_height_px=1, image_sha256="", pushed_at="",
    )  # fmt: skip


def submission(hand, who, number=0, k=0, **more):
    given = {"valid": True, "lead_time_s": 10.0 + k, "updated_at": f"2026-01-0{1 + k}T00:00:00Z", **more}
    return Submission(
        submission_id=f"{hand}{who}{number}{k}", hand_id=hand, task_key=task_key(hand, number), annotator=who,
        annotation_id=k, **given,
    )  # fmt: skip


def test_everybodys_progress_is_counted_by_task_and_not_by_click(tmp_path):
    project = create_project(tmp_path / "r", "r")
    project.write(LEDGER, [entry("a", 0), entry("b", 0), entry("c", 0), entry("a", 1)])
    project.write(
        SUBMISSIONS,
        [
            submission("a", "ana"),
            submission("a", "ana", k=2),  # twice: one task
            submission("b", "ana", valid=False, reject_reason="skipped"),
            submission("a", "bo", superseded=True),
            submission("b", "bo", k=1, valid=False, rejected=True, reject_reason="too_dark"),
            submission("c", "bo", k=3, valid=False),
            submission("a", "<b>cy", number=1, k=4),
            submission("elsewhere", "ana", k=5),
        ],
    )
    details = run_status(project).details
    rows = {r.pop("annotator"): r for r in details["annotators"]}
    assert rows["ana"] == {
        "first": 1, "second": 0, "rejected": 0, "unusable": 0, "skipped": 1, "median_s": 11.0,
        "last": "2026-01-03T00:00:00Z",
    }  # fmt: skip
    assert (rows["bo"]["first"], rows["bo"]["rejected"], rows["bo"]["unusable"]) == (1, 1, 1)
    assert rows["<b>cy"]["second"] == 1
    assert details["answers_per_task"] == {"first": {0: 1, 1: 2}, "second": {1: 1}}


def test_times_are_compared_on_one_clock_and_working_times_that_cannot_be_are_no_median(tmp_path):
    project = create_project(tmp_path / "r", "r")
    hands = ["a", "b", "c", "d"]
    times = ["2026-01-01T10:00:00+02:00", "2026-01-01T09:00:00Z", "yesterday", ""]
    project.write(LEDGER, [entry(h, 0) for h in hands])
    project.write(
        SUBMISSIONS,
        [
            submission(h, "ana", updated_at=t, lead_time_s=s)
            for h, t, s in zip(hands, times, [30.0, -5.0, 1e9, 1e308], strict=True)
        ],
    )
    (row,) = run_status(project).details["annotators"]
    assert (row["last"], row["median_s"]) == ("2026-01-01T09:00:00Z", 30.0)


def test_status_tells_people_apart_on_a_narrow_terminal(tmp_path, monkeypatch):
    project = create_project(tmp_path / "r", "r")
    project.write(LEDGER, [entry("a", 0)])
    project.write(SUBMISSIONS, [submission("a", "[red]somebody.with.a.long.name@a-long-place.example.org")])
    monkeypatch.setenv("COLUMNS", "80")
    said = CliRunner().invoke(build_app(["status"]), ["status", "--project", str(project.root)]).output
    assert "1/1" in said
    assert "answers: 1 task, 1 with 1" in said
    assert "[red]somebody.with.a" in said
    assert max(map(len, said.splitlines())) <= 80
