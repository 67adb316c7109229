"""Whoever looks again sees why and what was answered, not by whom, and never as markup."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from labelstudio_rounds import make_round, true_keypoints

from hint_tools.core.ids import content_id, task_key
from hint_tools.core.quoted_names import quoted
from hint_tools.core.records import Hand, QueueItem, Submission
from hint_tools.labelstudio.config import PushConfig
from hint_tools.labelstudio.earlier_picture import PANEL_PX, earlier_jpeg
from hint_tools.labelstudio.push import _planned
from hint_tools.labelstudio.second_look import Earlier, blinded, letter, one_paragraph, second_looks
from hint_tools.labelstudio.tasks import build_task
from hint_tools.store.tables import QUEUE, SUBMISSIONS

HAND = content_id("hand", 0)


def given(who: str, number: int = 0, shift: float = 0.0, **more) -> Submission:
    points = true_keypoints(0) + np.array([shift, 0.0])
    return Submission(
        submission_id=f"{who}{number}", hand_id=HAND, task_key=task_key(HAND, 0), annotator=who, annotation_id=number,
        **{"keypoints": points, "visibility": np.full(21, 2), "side": "right", **more},
    )  # fmt: skip


def item(reason: str) -> QueueItem:
    return QueueItem(hand_id=HAND, rank=1, score=1.0, reason=reason)


@pytest.mark.parametrize(
    ("text", "called", "expected"),
    [
        ("“bo” swapped index; “ana” and “bo” differ", {"ana": "A", "bo": "B"}, "B swapped index; A and B differ"),
        ("“elbow of bo” is “bo”'s", {"bo": "A"}, "somebody else is A's"),
        ("“x@y.org”, not “x@y.org.uk”", {"x@y.org": "A"}, "A, not somebody else"),
        ("“index” or “and” swapped index and middle", {"index": "A", "and": "B"}, "A or B swapped index and middle"),
        ("no two annotators agree on this", {"on": "A", "two": "B"}, "no two annotators agree on this"),
        ("“” or “ ” swapped ring", {"": "A", " ": "B"}, "A or B swapped ring"),
        (f"{quoted('the “boss”')} says left", {"the “boss”": "A"}, "A says left"),
        (f"“{'x' * 9000}a” or “{'x' * 9000}b”", {"x" * 9000 + "a": "A", "x" * 9000 + "b": "B"}, "A or B"),
        ("“A” or “B” says left", {"A": "B", "B": "A"}, "B or A says left"),
        ("“a\nb” says left", {"a\nb": "A"}, "A says left"),
    ],
)
def test_names_become_letters_and_nothing_else_does(text, called, expected):
    assert blinded(text, called) == expected


def test_a_screen_takes_one_paragraph_of_printable_text():
    assert one_paragraph("a\nb\x00\x1b[31mc\u202e d") == "a b [31mc d"
    assert len(one_paragraph("x" * 5000)) == 700


def test_letters_never_run_out():
    assert [letter(k) for k in (0, 25, 26, 52)] == ["A", "Z", "A2", "A3"]


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("2026-01-01T10:00:00+02:00", "2026-01-01T09:00:00Z"),
        ("2026-01-01T10:00:00Z", "2026-01-01T10:00:00.5Z"),
        ("yesterday", "2026-01-01"),
        ("", "2026-01-01"),
    ],
)
def test_the_last_answer_is_the_last_on_one_clock(earlier, later):
    rows = [given("ana", 1, updated_at=later), given("ana", 2, updated_at=earlier)]
    (shown,) = second_looks([item("x")], rows)[HAND].earlier
    assert shown.answer.submission_id == "ana1"


def test_the_last_answer_of_each_person_is_shown_and_letters_tell_nothing():
    rows = [
        given("ana", 1, updated_at="2026-01-01"), given("ana", 2, 3.0, updated_at="2026-01-02"),
        given("bo", 3, superseded=True), given("cy", 4, valid=False), given("di", 5, rejected=True, valid=False),
    ]  # fmt: skip
    look = second_looks([item("“ana” is far from “di”")], rows)[HAND]
    assert {e.answer.submission_id for e in look.earlier} == {"ana2", "di5"}
    assert sorted(e.label for e in look.earlier) == ["A", "B"]
    assert look == second_looks([item("“ana” is far from “di”")], rows[::-1])[HAND]
    assert not any(name in look.reason for name in ("ana", "di"))
    named = second_looks([item("“ana” is far from “di”")], rows, names=True)[HAND]
    assert named.reason == "ana is far from di"
    assert sorted(e.label for e in named.earlier) == ["ana", "di"]
    hands = [content_id("hand", k) for k in range(40)]
    queue = [replace(item("x"), hand_id=h) for h in hands]
    both = [replace(given(who, k), hand_id=h) for k, h in enumerate(hands) for who in ("ana", "bo")]
    first = [second_looks(queue, both)[h].earlier[0].answer.annotator for h in hands]
    assert 8 < first.count("ana") < 32  # A is not always the same person


def test_the_task_of_a_queued_hand_shows_the_disagreement_and_keeps_its_own_picture_clean(tmp_path):
    project = make_round(tmp_path / "p", 3)
    project.write(SUBMISSIONS, [given("ana@x.org", 1), given("bo@x.org", 2, 30.0)])
    project.write(QUEUE, [item("“ana@x.org” and “bo@x.org” are <b>far</b> apart")])
    (planned,), dropped = _planned(PushConfig(queue=True), project)
    assert not dropped
    task = build_task(planned, "0" * 64, "")
    key = task_key(HAND, 1)
    assert task["data"]["hint_key"] == key
    assert task["data"]["reason"] in {"A and B are <b>far</b> apart", "B and A are <b>far</b> apart"}
    assert task["data"]["image"].endswith(f"{key}.jpg")
    assert task["data"]["earlier"].endswith(f"{key}-earlier.jpg")
    assert "x.org" not in str(task)
    first, _ = _planned(PushConfig(), project)
    assert not {"reason", "earlier"} & set(build_task(first[0], "0" * 64, "")["data"])


def test_each_answer_is_drawn_where_it_lies():
    """Joints of one answer are in its own panel and in the common one, and nowhere else."""
    frame = np.full((240, 320, 3), 90, np.uint8)
    hand = make_hand()
    answers = [Earlier("A", given("ana")), Earlier("B", given("bo", 1, 30.0))]
    shown = cv2.imdecode(np.frombuffer(earlier_jpeg(frame, hand, answers), np.uint8), cv2.IMREAD_COLOR)
    assert shown.shape[:2] == (2 * PANEL_PX + 4, 2 * PANEL_PX + 4)
    left, right = shown[:PANEL_PX, :PANEL_PX], shown[:PANEL_PX, PANEL_PX + 4 :]
    lit = [np.argwhere(np.abs(p[40:].astype(int) - 90).max(axis=2) > 60)[:, 1].mean() for p in (left, right)]
    scale = PANEL_PX / (1.35 * (np.ptp(true_keypoints(0)[:, 0]) + 30 + 4))
    assert lit[1] - lit[0] == pytest.approx(30 * scale, rel=0.15)


def test_a_rejected_hand_and_one_nobody_answered_have_a_picture():
    frame = np.full((240, 320, 3), 90, np.uint8)
    for answers in ([], [Earlier("A", given("ana", rejected=True, keypoints=None, reject_reason="too_blurry"))]):
        assert earlier_jpeg(frame, make_hand(), answers)[:2] == b"\xff\xd8"


def test_a_slip_far_away_does_not_shrink_the_hand():
    frame = np.full((240, 320, 3), 90, np.uint8)
    points = true_keypoints(0).copy()
    points[8] = [1e6, -1e6]
    picture = earlier_jpeg(frame, make_hand(), [Earlier("A", given("ana", keypoints=points))])
    shown = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
    assert np.ptp(np.argwhere(np.abs(shown[40:, :PANEL_PX].astype(int) - 90).max(axis=2) > 60)[:, 1]) > PANEL_PX / 2


def make_hand():
    points = true_keypoints(0)
    box = np.concatenate([points.min(0) - 4, points.max(0) + 4])
    return Hand(hand_id=HAND, frame_id=content_id("frame", 0), side="right", box=box)
