import json

import numpy as np
import pytest
from qc_rounds import answer, changed, joints_of, make_round, swapped

from hint_tools.core.errors import DataError
from hint_tools.core.quoted_names import plain
from hint_tools.core.records import Frame, Hand, Prediction
from hint_tools.media.images import encode_jpeg
from hint_tools.qc.config import QcConfig
from hint_tools.qc.run import run
from hint_tools.store.project import create_project
from hint_tools.store.tables import CONSENSUS, FRAMES, HANDS, PREDICTIONS, QUEUE, SUBMISSIONS

CONFIG = QcConfig(bootstrap=50, report_hands=4)


def project_of(folder, made, predictions=()):
    project = create_project(folder, "round <b>one</b>")
    picture = np.random.default_rng(0).integers(0, 255, (90, 120, 3), dtype=np.uint8)
    (project.root / "frames").mkdir(exist_ok=True)
    (project.root / "frames" / "a.jpg").write_bytes(encode_jpeg(picture))
    frames = [
        Frame(frame_id=f, source="folder", video="v", width_px=1500, height_px=1500, path="frames/a.jpg", sha256="",
              pixel_sha256="", origin="a.jpg")
        for f in sorted({h.frame_id for h in made.hands})
    ]  # fmt: skip
    project.write(FRAMES, frames)
    project.write(HANDS, made.hands)
    project.write(PREDICTIONS, predictions)
    project.write(SUBMISSIONS, made.submissions)
    return project


def spoilt():
    """A round with one mistake of each kind, in hands 1 to 6."""
    made = make_round(40, 3, seed=41)
    changed(made, 1, "bo", keypoints=joints_of(made, 1, "bo")[swapped(1, 2)])
    changed(made, 2, "ana", side="left")
    changed(made, 3, "cy", keypoints=joints_of(made, 3, "cy") + 3 * made.scale[3])
    changed(made, 4, "cy", keypoints=None, visibility=None, side=None, rejected=True, reject_reason="glove")
    for name in ("ana", "bo", "cy"):
        seen = np.where(np.arange(21) < 5, 1, 2) if name != "ana" else np.full(21, 2)
        changed(made, 5, name, visibility=seen)
    label = Prediction(
        prediction_id="p6", hand_id="h00006", model="m", keypoints=joints_of(made, 6, "bo"), confidence=np.ones(21),
        hand_confidence=1.0,
    )  # fmt: skip
    for name in ("ana", "bo", "cy"):
        changed(made, 6, name, prediction_id="p6")
    return made, [label]


def test_every_mistake_is_named_with_hand_and_annotator(tmp_path):
    project = project_of(tmp_path / "p", *spoilt())
    report = run(CONFIG, project)
    results = json.loads((project.root / "qc/qc.json").read_text(encoding="utf-8"))
    named = {(m["code"], m["hand"], tuple(m["annotators"])) for m in results["mistakes"]}
    assert named == {
        ("qc.finger-swap", "h00001", ("bo",)),
        ("qc.wrong-side", "h00002", ("ana",)),
        ("qc.wrong-hand", "h00003", ("cy",)),
        ("qc.rejection-split", "h00004", ("cy",)),
        ("qc.missed-occlusion", "h00005", ("ana",)),
        ("qc.rubber-stamp", "h00006", ("bo",)),
    }
    assert {f.code for f in report.findings} >= {code for code, _, _ in named}
    queued = {q.hand_id: q.reason for q in project.read(QUEUE)}
    assert set(queued) == {"h00001", "h00002", "h00003", "h00004"}
    assert "“bo” swapped index and middle" in queued["h00001"]
    assert [q["reason"] for q in results["queue"] if q["hand"] == "h00001"] == [plain(queued["h00001"])]
    assert report.next_command == "hint push --queue"


def test_the_proposal_is_kept_and_the_submission_is_not_touched(tmp_path):
    made, labels = spoilt()
    project = project_of(tmp_path / "p", made, labels)
    before = project.table_path(SUBMISSIONS).read_bytes()
    run(CONFIG, project)
    assert project.table_path(SUBMISSIONS).read_bytes() == before
    results = json.loads((project.root / "qc/qc.json").read_text(encoding="utf-8"))
    swap = next(m for m in results["mistakes"] if m["code"] == "qc.finger-swap")
    assert np.allclose(swap["proposal"]["keypoints"], joints_of(made, 1, "bo")[swapped(1, 2)])
    assert next(m for m in results["mistakes"] if m["code"] == "qc.wrong-side")["proposal"] == {"side": "right"}


def test_consensus_is_not_led_astray_by_the_mistakes(tmp_path):
    made, labels = spoilt()
    project = project_of(tmp_path / "p", made, labels)
    run(CONFIG, project)
    found = project.read(CONSENSUS)
    assert len(found) == 40
    error = np.array(
        [np.linalg.norm(c.keypoints - made.truth[i], axis=1).max() / made.scale[i] for i, c in enumerate(found)]
    )
    assert error.max() < 0.15
    assert found[2].side == "right"
    assert found[2].side_agreement == pytest.approx(2 / 3)
    assert found[4].n_submissions == 3
    assert not found[4].rejected
    assert (found[5].visibility[:5] == 1).all()


def test_running_twice_gives_the_same_bytes(tmp_path):
    project = project_of(tmp_path / "p", *spoilt())

    def bytes_of():
        return {
            p: p.read_bytes() for f in ("qc", "tables", ".hint/stamps") for p in sorted((project.root / f).iterdir())
        }

    run(CONFIG, project)
    once = bytes_of()
    run(CONFIG, project)
    assert bytes_of() == once


def test_the_page_shows_names_as_text_and_crops(tmp_path):
    made, labels = spoilt()
    for s in made.submissions:
        object.__setattr__(s, "annotator", f"<script>{s.annotator}</script>")
    project = project_of(tmp_path / "p", made, labels)
    run(CONFIG, project)
    page = (project.root / "qc/report.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;bo&lt;/script&gt; swapped index and middle" in page
    assert "round &lt;b&gt;one&lt;/b&gt;" in page
    assert page.count('class="photo"') >= 6 * 4
    assert len(page) < 5_000_000


def test_a_missing_picture_is_reported_and_the_rest_goes_on(tmp_path):
    project = project_of(tmp_path / "p", *spoilt())
    (project.root / "frames/a.jpg").unlink()
    report = run(CONFIG, project)
    assert "qc.image-unreadable" in {f.code for f in report.findings}
    page = (project.root / "qc/report.html").read_text(encoding="utf-8")
    assert 'class="photo"' not in page
    assert 'id="legend"' not in page
    assert len(project.read(CONSENSUS)) == 40


def test_every_submission_is_accounted_for(tmp_path):
    made = make_round(10, 2, seed=42)
    joints, seen = made.truth[0], np.full(21, 2)
    made.submissions += [
        answer("h00000", "ana", joints, seen, number=900, updated_at="2026-02-02"),
        answer("h00001", "zoe", joints, seen, number=901, superseded=True),
        answer("h00001", "zoe", joints, seen, number=902, valid=False),
        answer("h00001", "zoe", None, None, number=903),
        answer("nowhere", "zoe", joints, seen, number=904),
    ]
    made.hands.append(Hand(hand_id="quiet", frame_id="f00000", box=[0, 0, 5, 5]))
    project = project_of(tmp_path / "p", made)
    counts = run(CONFIG, project).counts
    dropped = {k: counts[k] for k in ("superseded", "invalid", "unknown hand", "answered again")}
    assert dropped == {"superseded": 1, "invalid": 2, "unknown hand": 1, "answered again": 1}
    assert counts["taken"] + sum(dropped.values()) == counts["submissions"] == 25
    assert counts["hands without an answer"] == 1
    assert "quiet" not in {c.hand_id for c in project.read(CONSENSUS)}


def test_dry_run_writes_nothing(tmp_path):
    project = project_of(tmp_path / "p", *spoilt())
    before = sorted(project.root.rglob("*"))
    report = run(QcConfig(bootstrap=50, dry_run=True), project)
    assert sorted(project.root.rglob("*")) == before
    assert report.counts["queue"] == 4
    assert report.outputs == ()


@pytest.mark.parametrize(
    ("gate", "failed"),
    [
        ({"max_flagged": 0.05}, True),
        ({"max_flagged": 0.2}, False),
        ({"max_disagreed": 0.2}, False),
        ({"min_within_palm": 0.9}, False),
        ({"min_within_palm": 0.999}, True),
        ({"min_occlusion_ac1": 0.999}, True),
        ({}, False),
    ],
)
def test_gates_fail_the_command_only_when_passed(tmp_path, gate, failed):
    project = project_of(tmp_path / "p", *spoilt())
    report = run(QcConfig(bootstrap=50, dry_run=True, **gate), project)
    assert report.gate_failed is failed
    assert bool(report.errors()) is failed


def test_a_gate_on_what_could_not_be_measured_is_not_passed(tmp_path):
    project = project_of(tmp_path / "p", make_round(6, 1, seed=45))
    config = QcConfig(bootstrap=50, dry_run=True, min_within_palm=0.1, min_occlusion_ac1=-1.0, max_disagreed=0.0)
    report = run(config, project)
    assert [f.code for f in report.errors()] == ["qc.gate-within-palm", "qc.gate-occlusion"]
    assert all("nothing to measure it by" in f.message for f in report.errors())


def test_hands_answered_once_still_get_a_consensus_and_a_report(tmp_path):
    project = project_of(tmp_path / "p", make_round(6, 1, seed=43))
    report = run(CONFIG, project)
    assert len(project.read(CONSENSUS)) == 6
    assert project.read(QUEUE) == []
    assert report.next_command == "hint fit"
    json.loads((project.root / "qc/sigmas.json").read_text(encoding="utf-8"), parse_constant=pytest.fail)


def test_nothing_usable_is_an_error_that_says_why(tmp_path):
    made = make_round(2, 1, seed=44)
    for s in made.submissions:
        object.__setattr__(s, "valid", False)
    project = project_of(tmp_path / "p", made)
    with pytest.raises(DataError, match="2 invalid"):
        run(CONFIG, project)
    with pytest.raises(DataError, match="no table of submissions") as caught:
        run(CONFIG, empty_project(tmp_path / "q", made))
    assert caught.value.hint == "hint pull"


def empty_project(folder, made):
    project = create_project(folder, "empty")
    project.write(HANDS, made.hands)
    return project
