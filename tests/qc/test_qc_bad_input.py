"""Rounds nobody would wish for: findings, never a traceback, never markup."""

import json
from dataclasses import replace

import numpy as np
import pytest
from qc_rounds import answer, changed, joints_of, make_round
from test_qc_run import project_of

from hint_tools.core.errors import ConfigError, DataError, EnvironmentFault
from hint_tools.core.ids import task_key
from hint_tools.core.records import Fit, Hand, Prediction, Status
from hint_tools.qc.analysis import Beside, analyse
from hint_tools.qc.answers import choose_submissions
from hint_tools.qc.config import QcConfig, SigmaConfig
from hint_tools.qc.names import name_findings
from hint_tools.qc.run import run
from hint_tools.store.tables import CONSENSUS, FRAMES, HANDS

CONFIG = QcConfig(bootstrap=50, report_hands=2)


def found_in(made, predictions=(), **more):
    labels = {p.prediction_id: p for p in predictions}
    return analyse(made.panel(), made.by_id(), labels, CONFIG, Beside(**more))


def label(made, hand, joints, **more):
    return Prediction(
        prediction_id=f"p{hand}", hand_id=f"h{hand:05d}", model="m", keypoints=joints, confidence=np.ones(21),
        hand_confidence=1.0, **more,
    )  # fmt: skip


def test_everybody_rejected_everything(tmp_path):
    made = make_round(6, 2, seed=61)
    for h in range(6):
        for name in ("ana", "bo"):
            changed(made, h, name, keypoints=None, visibility=None, side=None, rejected=True, reject_reason="glove")
    project = project_of(tmp_path / "p", made)
    run(CONFIG, project)
    assert all(c.rejected for c in project.read(CONSENSUS))


def test_positions_that_are_not_numbers_count_as_not_answered(tmp_path):
    made = make_round(10, 2, seed=62)
    points = joints_of(made, 3, "ana").copy()
    points[[4, 8]] = np.nan
    changed(made, 3, "ana", keypoints=points)
    changed(made, 4, "bo", keypoints=np.full((21, 2), np.inf))
    project = project_of(tmp_path / "p", made)
    report = run(CONFIG, project)
    finding = next(f for f in report.findings if f.code == "qc.not-finite")
    assert finding.count == 23
    assert all(np.isfinite(c.keypoints).all() for c in project.read(CONSENSUS))
    json.loads((project.root / "qc/qc.json").read_text(encoding="utf-8"), parse_constant=pytest.fail)


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "=cmd()", "a\nb", "'\"&"])
def test_names_are_text_everywhere(tmp_path, name):
    made = make_round(12, 2, seed=63)
    changed(made, 0, "ana", side="left")
    for s in made.submissions:
        if s.annotator == "ana":
            object.__setattr__(s, "annotator", name)
    project = project_of(tmp_path / "p", made)
    run(CONFIG, project)
    assert "<script" not in (project.root / "qc/report.html").read_text(encoding="utf-8")
    assert name in {a["annotator"] for a in json.loads((project.root / "qc/qc.json").read_text())["annotators"]}


def test_names_that_read_alike_are_told(tmp_path):
    made = make_round(12, 3, seed=71)
    for s in made.submissions:
        new = {"ana": "Anna@x.org", "bo": "anna@x.org\u200b ", "cy": "hannah@x.org"}[s.annotator]
        object.__setattr__(s, "annotator", new)
    report = run(CONFIG, project_of(tmp_path / "p", made))
    (finding,) = [f for f in report.findings if f.code == "qc.names-alike"]
    assert finding.subjects == ("Anna@x.org", "anna@x.org\u200b ")
    assert "count as 2 people" in finding.message
    assert len(json.loads((tmp_path / "p/qc/qc.json").read_text())["annotators"]) == 3


def test_an_expert_who_has_answered_nothing_is_told(tmp_path):
    project = project_of(tmp_path / "p", make_round(12, 3, seed=72))
    report = run(CONFIG.model_copy(update={"experts": ("anna", "cy", "somebody")}), project)
    told = {f.subjects[0]: f for f in report.findings if f.code == "qc.unknown-expert"}
    assert set(told) == {"anna", "somebody"}
    assert told["anna"].suggestion == "hint qc --experts ana"
    assert report.counts["deciding"] == 12  # cy's


@pytest.mark.parametrize("joints", [20, 22])
def test_an_answer_of_other_than_21_joints_cannot_come_this_far(joints):
    with pytest.raises(DataError, match=rf"expected shape \(21, 2\), got \({joints}, 2\)"):
        answer("h00000", "ana", np.zeros((joints, 2)), np.full(joints, 2))


def test_as_many_for_rejecting_as_against_is_no_agreement():
    made = make_round(12, 2, seed=64)
    changed(made, 2, "bo", keypoints=None, visibility=None, side=None, rejected=True, reject_reason="blurred")
    assert found_in(made).consensus[2].status == Status.DISAGREED


@pytest.mark.parametrize("people", [1, 2])
def test_a_hand_on_which_nobody_placed_a_joint_is_no_agreement(people):
    made = make_round(12, people, seed=69)
    for name in ("ana", "bo")[:people]:
        changed(made, 2, name, visibility=np.zeros(21, dtype=int))
    found = found_in(made)
    assert found.consensus[2].status == Status.DISAGREED
    assert {c.status for i, c in enumerate(found.consensus) if i != 2} == {
        Status.AGREED if people == 2 else Status.SINGLE
    }
    assert {(m.kind, m.hand) for m in found.mistakes} == {("no-joints", 2)}
    (queued,) = found.queue
    assert queued.hand_id == "h00002"
    assert "placed no joint" in queued.reason


def test_an_annotator_without_any_joint_beside_one_with_all_is_told_and_the_hand_is_kept():
    made = make_round(12, 2, seed=70)
    changed(made, 2, "bo", visibility=np.zeros(21, dtype=int))
    found = found_in(made)
    assert [(m.kind, m.hand) for m in found.mistakes] == [("no-joints", 2)]
    assert np.isfinite(found.consensus[2].keypoints).all()


def test_one_annotator_alone_is_checked_for_plausibility():
    made = make_round(12, 1, seed=65)
    joints = [joints_of(made, h, "ana").copy() for h in range(12)]
    joints[1][8] += 4 * (joints[1][8] - joints[1][7])
    joints[2][0] = [-30, 5]
    changed(made, 1, "ana", keypoints=joints[1])
    changed(made, 2, "ana", keypoints=joints[2])
    changed(made, 3, "ana", lead_time_s=1.0)
    changed(made, 4, "ana", prediction_id="p4")
    labels = [label(made, 4, made.truth[4], side="left", side_confidence=0.99)]
    fit = Fit(
        hand_id="h00005", side="right", global_orient=[0] * 3, hand_pose=[0] * 45, betas=[0] * 10, transl=[0] * 3,
        focal_px=1, principal_point=[0, 0], keypoints=made.truth[5] + 0.3 * made.scale[5],
        keypoints_3d=np.zeros((21, 3)),
        residual_px=[0] * 21, sd_mm=[0] * 21, cost=0, accepted=True, hand_model="m",
    )  # fmt: skip
    named = {(m.kind, m.hand) for m in found_in(made, labels, fits={"h00005": fit}).mistakes}
    assert {
        ("long-bone", 1), ("outside-picture", 2), ("impossible-time", 3), ("side-doubtful", 4), ("unposable", 5)
    } <= named  # fmt: skip


def test_a_shifted_finger_is_named_with_what_is_left_to_place():
    made = make_round(60, 3, seed=66)
    points = joints_of(made, 7, "bo").copy()
    points[9:12] = points[10:13]
    points[12] += 0.3 * (points[12] - points[10])
    changed(made, 7, "bo", keypoints=points)
    (found,) = [m for m in found_in(made).mistakes if m.kind == "shifted-chain"]
    assert found.hand == 7
    assert found.joint_order[9:13] == (-1, 9, 10, 11)
    assert "bo labelled middle one joint too far" in found.message


def test_an_answer_on_the_other_hand_is_given_back_to_it():
    made = make_round(40, 2, seed=67)
    other = joints_of(made, 9, "ana") + np.random.default_rng(0).normal(size=(21, 2)) * 0.01 * made.scale[9]
    changed(made, 8, "bo", keypoints=other)
    (found,) = [m for m in found_in(made).mistakes if m.kind == "wrong-hand"]
    assert (found.hand, found.other_hand) == (8, "h00009")


def test_large_queues_are_paged_and_old_pages_go(tmp_path):
    made = make_round(30, 2, seed=68)
    for h in range(9):
        changed(made, h, "bo", side="left")
    project = project_of(tmp_path / "p", made)
    run(QcConfig(bootstrap=50, report_hands=2, report_pages=4), project)
    pages = sorted(p.name for p in (project.root / "qc").glob("queue-*.html"))
    assert pages == ["queue-2.html", "queue-3.html", "queue-4.html"]
    assert "queue-4.html" in (project.root / "qc/report.html").read_text(encoding="utf-8")
    run(CONFIG.model_copy(update={"report_pages": 1}), project)
    assert not list((project.root / "qc").glob("queue-*.html"))


@pytest.mark.parametrize("config", [QcConfig, SigmaConfig])
def test_a_seed_below_zero_is_refused_with_the_other_settings(config):
    with pytest.raises(ConfigError, match="seed: Input should be greater than or equal to 0, got -1"):
        config.layered(("hint.toml [qc]", {"seed": -1, "files": []} if config is SigmaConfig else {"seed": -1}))


def test_folders_in_the_place_of_results_are_told_and_those_in_the_place_of_old_pages_left_alone(tmp_path):
    project = project_of(tmp_path / "p", make_round(6, 2, seed=73))
    (project.root / "qc/queue-9.html").mkdir(parents=True)
    run(CONFIG, project)
    assert (project.root / "qc/queue-9.html").is_dir()
    (project.root / "qc/qc.json").unlink()
    (project.root / "qc/qc.json").mkdir()
    with pytest.raises(EnvironmentFault, match=r"qc\.json: can't be written"):
        run(CONFIG, project)


@pytest.mark.parametrize("path", ["a\0b", "frames/loop.jpg"])
def test_pictures_at_paths_that_lead_nowhere_are_counted_as_unreadable(tmp_path, path):
    made = make_round(12, 2, seed=74)
    changed(made, 2, "bo", side="left")
    project = project_of(tmp_path / "p", made)
    (project.root / "frames/loop.jpg").symlink_to("loop.jpg")
    project.write(FRAMES, [replace(f, path=path) for f in project.read(FRAMES)])
    (finding,) = [f for f in run(CONFIG, project).findings if f.code == "qc.image-unreadable"]
    assert finding.message.startswith("1 picture of the report can't be read")


def again(made, hand, name, updated_at, number=900):
    """A second answer, 400 px away from the truth."""
    made.submissions.append(
        answer(f"h{hand:05d}", name, made.truth[hand] + 400, np.full(21, 2), number=number, updated_at=updated_at)
    )


@pytest.mark.parametrize(
    ("first", "second", "last"),
    [
        ("2026-01-01T10:00:00+02:00", "2026-01-01T09:00:00Z", "second"),
        ("2026-01-01T10:00:00.5Z", "2026-01-01T10:00:00Z", "first"),
        ("2026-01-01T10:00:00Z", "garbage", "first"),
        ("", "2026-01-01", "second"),
    ],
)
def test_the_last_answer_is_the_last_on_one_clock(first, second, last):
    made = make_round(4, 2, seed=75)
    changed(made, 3, "ana", updated_at=first)
    again(made, 3, "ana", second)
    chosen = choose_submissions(made.submissions, frozenset(made.by_id()))
    (kept,) = [a for a in chosen.taken if (a.hand_id, a.annotator) == ("h00003", "ana")]
    assert kept.annotation_id == (900 if last == "second" else 30)
    assert [(a.annotation_id, b.annotation_id) for a, b in chosen.repeats] == [
        (30, 900) if last == "second" else (900, 30)
    ]


def test_times_that_cannot_be_read_are_one_finding_and_no_period(tmp_path):
    made = make_round(12, 2, seed=76)
    odd = ["garbage", "31/12/2026", "", "\x1b[31m2026", "9999-99-99T", "<b>2026-01</b>"]
    for h in range(12):
        for name in ("ana", "bo"):
            good = f"2026-01-0{1 + h // 9}T23:30:00-02:00"
            changed(made, h, name, updated_at=odd[h] if h < 6 else good)
    report = run(CONFIG, project_of(tmp_path / "p", made))
    (finding,) = [f for f in report.findings if f.code == "qc.unknown-time"]
    assert finding.count == 12
    assert finding.message.startswith("12 answers without a time that can be read, such as ")
    results = json.loads((tmp_path / "p/qc/qc.json").read_text(encoding="utf-8"))
    assert [p["from"] for p in results["periods"]] == ["2026-01-02", "2026-01-03"]
    assert [p["hands"] for p in results["periods"]] == [3, 3]


@pytest.mark.parametrize(
    ("careful", "careless", "told"),
    [
        ("2026-03-02T01:00:00+14:00", "2026-03-01T23:00:00-12:00", [("2026-03-02", True)]),  # texts sort the other way
        ("2026-03-01", "", []),  # nobody knows which came first
    ],
)
def test_a_change_is_dated_by_one_clock_and_never_by_unknown_times(careful, careless, told):
    made = make_round(160, 2, seed=77)
    rng = np.random.default_rng(1)
    for h in range(160):
        for name in ("ana", "bo"):
            changed(made, h, name, updated_at=careful if h < 80 else careless)
        if h >= 80:
            slips = rng.normal(size=(21, 2)) * 0.06 * made.scale[h]
            changed(made, h, "bo", keypoints=joints_of(made, h, "bo") + slips)
        elif h < 4:
            changed(made, h, "bo", updated_at="2026-02-01")
            changed(made, h, "ana", updated_at="2026-02-01")
    changes = [c for c in found_in(made).changes if c.annotator == 1]
    assert [(c.since, c.before < c.after) for c in changes] == told


def test_a_task_of_a_late_round_decides_and_one_of_no_round_is_told(tmp_path):
    made = make_round(12, 2, seed=78)
    for number in (1, 15, 16, 20):
        points = made.truth[3] + 10 * number
        made.submissions.append(
            answer(
                "h00003", f"x{number}", points, np.full(21, 2), number=900 + number, task_key=task_key("h00003", number)
            )
        )
    changed(made, 5, "bo", task_key="of another project")
    project = project_of(tmp_path / "p", made)
    report = run(CONFIG, project)
    assert (report.counts["deciding"], report.counts["decided later"]) == (1, 3)
    decided = project.read(CONSENSUS)[3]
    np.testing.assert_allclose(decided.keypoints, made.truth[3] + 200, atol=1)
    (finding,) = [f for f in report.findings if f.code == "qc.unknown-round"]
    assert (finding.count, finding.subjects) == (1, ("h00005",))


@pytest.mark.parametrize("state", [7, -1, -5])
def test_answers_with_states_there_are_none_of_are_left_out_and_counted(tmp_path, state):
    made = make_round(12, 3, seed=79)
    for h in (2, 3):
        changed(made, h, "ana", visibility=np.full(21, state))
    report = run(CONFIG, project_of(tmp_path / "p", made))
    (finding,) = [f for f in report.findings if f.code == "qc.unknown-state"]
    assert (finding.count, finding.subjects) == (2, ("h00002", "h00003"))
    assert report.counts["unknown state"] == 2
    assert report.counts["taken"] + 2 == report.counts["submissions"] == 36


def test_sides_there_are_none_of_are_told_and_count_as_not_given(tmp_path):
    made = make_round(12, 3, seed=80)
    changed(made, 2, "ana", side="RIGHT")
    changed(made, 3, "ana", side="")
    made.hands[4] = replace(made.hands[4], side="both")
    project = project_of(tmp_path / "p", made)
    told = {f.code: f for f in run(CONFIG, project).findings}
    assert (told["qc.unknown-side"].count, told["qc.unknown-side"].subjects) == (1, ("h00002",))
    assert "such as 'RIGHT'" in told["qc.unknown-side"].message
    assert (told["qc.unknown-source-side"].count, told["qc.unknown-source-side"].subjects) == (1, ("h00004",))
    assert project.read(CONSENSUS)[2].side == "right"


@pytest.mark.parametrize("seconds", [-5.0, 1e9, 1e308, np.inf, -np.inf])
def test_working_times_that_cannot_be_are_told_and_no_median(tmp_path, seconds):
    made = make_round(12, 2, seed=81)
    for h in range(12):
        changed(made, h, "ana", lead_time_s=seconds if h < 8 else 40.0)
        changed(made, h, "bo", lead_time_s=30.0)
    report = run(CONFIG, project_of(tmp_path / "p", made))
    (finding,) = [f for f in report.findings if f.code == "qc.odd-lead-time"]
    assert finding.count == 8
    results = json.loads((tmp_path / "p/qc/qc.json").read_text(encoding="utf-8"))
    assert results["annotators"][0]["seconds"][0] == 40.0
    assert "qc.impossible-time" not in {f.code for f in report.findings}


def test_a_working_time_that_is_not_known_is_nothing_odd():
    made = make_round(2, 2, seed=82)
    assert choose_submissions(made.submissions, frozenset(made.by_id())).findings == ()


@pytest.mark.parametrize(
    ("names", "ways"),
    [
        (("Bo", "bo"), "capitals"),
        (("bo", "bo\u200b "), "spaces"),
        (("Bo", "b o"), "capitals and spaces"),
        (("\u00e9", "e\u0301"), "unicode form"),
        (("\u00c9", "e\u0301"), "capitals and unicode form"),
        (("\uff42o", "bo"), "unicode form"),
        (("b\u043e", "bo"), "letters of another script"),
        (("\u0391nna", "anna"), "capitals and letters of another script"),
        (("anna\u0301", "ann\u00e1", "ANN\u00c1"), "capitals and unicode form"),
    ],
)
def test_names_alike_are_told_with_what_they_differ_in(names, ways):
    (finding,) = name_findings(names, ())
    assert finding.code == "qc.names-alike"
    assert f"differ in {ways} alone; they count as {len(names)} people" in finding.message
    assert finding.subjects == tuple(sorted(names))


def test_a_name_in_a_command_to_copy_runs_nothing():
    (finding,) = name_findings(("ana$(reboot);id",), ("ana$(reboot)",))
    assert finding.suggestion == "hint qc --experts 'ana$(reboot);id'"


def test_names_that_look_the_same_are_told_apart_by_their_codes():
    (finding,) = name_findings(("bo", "b\u043e"), ())
    assert "'b\\u043e'" in finding.message


def test_a_word_of_two_scripts_is_told_and_two_words_are_not():
    (finding,) = name_findings(("b\u043eb", "Anna \u0418\u0432\u0430\u043d\u043e\u0432\u0430", "cy1_2"), ())
    assert (finding.code, finding.subjects) == ("qc.name-mixed", ("b\u043eb",))
    assert "Cyrillic and Latin letters" in finding.message


@pytest.mark.parametrize("people", [1, 2])
def test_experts_alone_leave_nobody_to_compare(tmp_path, people, capsys):
    made = make_round(6, people, seed=83)
    report = run(CONFIG.model_copy(update={"experts": ("ana", "bo")[:people]}), project_of(tmp_path / "p", made))
    (finding,) = [f for f in report.findings if f.code == "qc.nobody-to-compare"]
    assert finding.count == 6 * people
    assert "nobody is left to compare" in finding.message


@pytest.mark.parametrize("value", [np.nan, np.inf, -1e308, 1e9])
def test_a_box_no_picture_can_have_is_told_where_its_hand_was_answered(tmp_path, value):
    made = make_round(6, 2, seed=84)
    made.hands.append(Hand(hand_id="quiet", frame_id="f00000", box=[value] * 4))
    project = project_of(tmp_path / "p", made)
    assert run(CONFIG, project).counts["hands without an answer"] == 1
    made.hands[3] = replace(made.hands[3], box=[0, 0, 5, value])
    project.write(HANDS, made.hands)
    with pytest.raises(DataError, match="table hands, column box of hand h00003: expected px within") as error:
        run(CONFIG, project)
    assert error.value.hint == "hint sample"


@pytest.mark.parametrize("text", ["{not json", "[1]"])
def test_attributes_that_are_no_object_are_told(tmp_path, text):
    made = make_round(6, 2, seed=85)
    made.hands[3] = replace(made.hands[3], attributes=text)
    with pytest.raises(DataError, match="table hands, column attributes of hand h00003: expected a JSON object"):
        run(CONFIG, project_of(tmp_path / "p", made))
