"""Status: done, stale, to do, and the next command."""

import numpy as np

from hint_tools.core.records import Hand
from hint_tools.pipeline.status import run_status, stage_states
from hint_tools.store.project import create_project
from hint_tools.store.tables import CONSENSUS, FRAMES, HANDS, PREDICTIONS, SUBMISSIONS


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
