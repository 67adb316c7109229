"""A whole round by commands alone, as the README tells it; then everything again, which must change nothing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from as_a_user import User, digests, look, require_label_studio, shaken, tables

from hint_tools.core.records import Visibility
from hint_tools.labelstudio.answering import Answer, TaskView, annotators, answer_tasks
from hint_tools.labelstudio.connection import connect
from hint_tools.store.project import Project, open_project
from hint_tools.store.tables import CONSENSUS, FITS, SUBMISSIONS

pytestmark = [pytest.mark.slow, pytest.mark.labelstudio]

TRAIN = ("train", "--release", "releases/r1", "--preset", "tiny", "--steps", 4, "--batch-size", 2, "--name", "first")
BENCHMARK = ("benchmark", "runs/first/last.ckpt", "--release", "releases/r1", "--bootstrap", 20)


def answer_everything(root: Path, people: int) -> int:
    """The first few annotators answer every task through the server's REST API."""
    project = open_project(root)
    known = look(project)
    posted = 0
    for person, who in enumerate(annotators(project)[:people]):

        def give(view: TaskView, person: int = person) -> Answer:
            true = known[view.hand_id][2]
            if true is None:
                return Answer(keypoints=None, visibility=None, box=None, side=None, reject_reason="not_a_hand")
            return Answer(
                keypoints=shaken(true, person), visibility=true.visibility, box=true.box, side=true.side,
                lead_time_s=12.0,
            )  # fmt: skip

        posted += answer_tasks(connect(project), who, give)
    return posted


def consensus_is_near_the_truth(project: Project) -> None:
    known = look(project)
    rows = [c for c in project.read(CONSENSUS) if not c.rejected]
    assert rows
    for row in rows:
        true = known[row.hand_id][2]
        placed = true.visibility != Visibility.NOT_ANNOTATABLE
        assert row.side == true.side
        assert np.median(np.linalg.norm(row.keypoints - true.keypoints, axis=1)[placed]) < 2.5


def test_the_readmes_round_and_all_of_it_twice(user: User, home: Path, footage: Path) -> None:
    require_label_studio(home)
    folder = user.here / "my röund 1"  # as people name things
    assert user.asks("init", folder.name)["counts"]["folder"] == str(folder)
    here = user.at(folder)
    stages = [
        ("sample", "--source", "folder", "--root", footage, "--n", 20),
        ("prelabel",),
        ("server", "up"),
        ("push",),
        "answers",
        ("pull",),
        ("qc",),
        ("fit",),
        ("release", "build", "r1"),
        ("release", "verify", "releases/r1"),
        TRAIN,
        BENCHMARK,
    ]
    try:
        said = {}
        for words in stages:
            if words == "answers":
                n_hands = len(open_project(folder).hands())
                assert answer_everything(folder, 2) == 2 * n_hands
                continue
            first = here.asks(*words)
            assert first["schema"] == f"hint.{words[1] if words[1:] == ('verify', 'releases/r1') else words[0]}/1"
            said[" ".join(map(str, words[:2]))] = first
            # what a server's process and reports of speed say changes; what a stage made does not
            made = digests(folder, ".hint/stamps")
            again = here.asks(*words)
            assert digests(folder, ".hint/stamps") == made, words
            assert again["findings"] == first["findings"]
    finally:
        here.types("server", "down")
    project = open_project(folder)
    rows = project.read(SUBMISSIONS)
    assert len({s.annotator for s in rows}) == 2
    assert len(rows) == 2 * n_hands
    consensus_is_near_the_truth(project)
    assert said["release build"]["counts"]["released"] == sum(not c.rejected for c in project.read(CONSENSUS))
    assert said["fit"]["counts"]["fitted"] == len(project.read(FITS)) > 3
    assert any("@0.05" in str(v) for v in said["benchmark runs/first/last.ckpt"]["counts"].values())
    status = here.asks("status")
    assert status["next"] == "hint qc"  # the fits are newer than it; nothing that follows has to be made again
    assert [s["stage"] for s in status["details"]["stages"] if s["state"] != "done"] == ["qc"]
    here.asks("qc")
    status = here.asks("status")
    assert {s["stage"]: s["state"] for s in status["details"]["stages"]} == dict.fromkeys(
        ("sample", "prelabel", "push", "pull", "qc", "fit", "release"), "done"
    )
    assert status["next"] == ""
    loads_in_workers(folder / "releases" / "r1", said["release build"]["counts"]["released"])


def loads_in_workers(release: Path, n_released: int) -> None:
    from torch.utils.data import DataLoader

    from hint_tools import HInt

    seen = 0
    splits = {name.partition("_")[0] for name in json.loads((release / "release.json").read_text())["splits"]}
    assert {"train", "test"} <= splits
    for split in sorted(splits):
        data = HInt(release, split=split)
        for batch in DataLoader(data.as_hamer(train=True), batch_size=4, num_workers=2):
            assert batch["img"].shape[1:] == (3, 256, 256)
            assert bool(batch["keypoints_2d"].isfinite().all())
            seen += len(batch["img"])
    assert seen == n_released


def test_one_file_stops_for_the_annotators_and_goes_on(user: User, home: Path, footage: Path) -> None:
    require_label_studio(home)
    file = user.here / "round.yaml"
    file.write_text(
        "schema: hint.pipeline/1\nname: from a file\nproject: made here\nstages:\n"
        f"  - sample: {{source: folder, root: {json.dumps(str(footage))}, n: 6}}\n"
        "  - prelabel:\n  - server:\n  - push:\n  - annotate: {answers: 2}\n  - qc:\n  - fit:\n  - qc:\n"
        "  - release: {name: r1}\n  - verify: {directory: releases/r1}\n"
        "  - train: {release: releases/r1, preset: tiny, steps: 2, batch_size: 2}\n"
        "  - benchmark: {checkpoint: runs/first/last.ckpt, release: releases/r1, split: train, bootstrap: 0}\n"
    )
    folder = user.here / "made here"
    elsewhere = user.at(home)
    try:
        stopped = elsewhere.asks("run", file)
        assert stopped["details"] == {"stopped_at": "annotate"}
        assert stopped["next"] == f"hint run {file}"
        before = tables(folder)
        assert elsewhere.asks("run", file)["details"] == {"stopped_at": "annotate"}
        assert tables(folder) == before
        answer_everything(folder, 2)
        done = elsewhere.asks("run", file)
    finally:
        elsewhere.types("server", "down", "--project", folder)
    assert done["details"] == {}
    assert done["counts"]["verify: errors"] == 0
    assert (folder / "benchmark" / "metrics.json").is_file()
    consensus_is_near_the_truth(open_project(folder))
    states = elsewhere.asks("status", "--project", folder)["details"]["stages"]
    assert {s["state"] for s in states} == {"done"}
