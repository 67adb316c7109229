"""Push and pull against a real Label Studio: nothing twice, nothing lost, everybody kept."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from labelstudio_rounds import MODEL, Site, make_round, predict, true_keypoints

from hint_tools.core.ids import content_id
from hint_tools.core.records import QueueItem, Visibility
from hint_tools.labelstudio.answering import Annotator, Answer, TaskView, annotators, answer_tasks
from hint_tools.labelstudio.client import Client
from hint_tools.labelstudio.config import PullConfig, PushConfig
from hint_tools.labelstudio.connection import connect
from hint_tools.labelstudio.pull import run_pull
from hint_tools.labelstudio.push import run_push
from hint_tools.store.project import Project
from hint_tools.store.tables import LEDGER, PREDICTIONS, QUEUE, SUBMISSIONS

pytestmark = [pytest.mark.labelstudio, pytest.mark.slow]

SIDES = ("right", "left")


def server_state(project: Project, number: int) -> Any:
    """Everything the server holds of a project, but for the words that age by themselves."""
    with Client(connect(project)) as client:
        tasks = client.tasks(number, page_size=100)
        found = next(p for p in client.projects() if p["id"] == number)
    for task in tasks:
        for item in (*task["annotations"], *task["predictions"]):
            item.pop("created_ago")
    return tasks, found["label_config"], found["model_version"], found["maximum_annotations"]


def truth(project: Project) -> dict[str, np.ndarray]:
    return {content_id("hand", k): true_keypoints(k) for k in range(100)}


def states(person: int) -> np.ndarray:
    return np.roll(np.arange(21) % 3, person).astype(np.int8)


def answer_all(project: Project) -> int:
    """Everybody answers everything: person k is k px to the right of the truth."""
    known = truth(project)
    posted = 0
    for person, who in enumerate(annotators(project)):

        def give(view: TaskView, person: int = person) -> Answer:
            points = known[view.hand_id] + [person, 0]
            return Answer(
                keypoints=points, visibility=states(person), box=view.box, side=view.side, lead_time_s=3.0 + person
            )

        posted += answer_tasks(connect(project), who, give)
    return posted


def call(project: Project, who: Annotator, method: str, path: str, body: Any = None) -> Any:
    url = connect(project).url
    answer = httpx.request(method, url + path, json=body, headers={"Authorization": f"Token {who.token}"})
    answer.raise_for_status()
    return answer.json() if answer.content else None


def test_a_whole_round_and_everything_twice(site: Site) -> None:
    project = site.project
    first = run_push(PushConfig(), project)
    number = first.details["server_project"]
    state, ledger = server_state(project, number), project.table_path(LEDGER).read_bytes()
    again = run_push(PushConfig(), project)
    assert (again.counts["sent"], again.counts["already there"]) == (0, 6)
    assert server_state(project, number) == state
    assert project.table_path(LEDGER).read_bytes() == ledger

    assert answer_all(project) == 18
    assert answer_all(project) == 0
    report = run_pull(PullConfig(page_size=4), project)
    assert (report.counts["annotations"], report.counts["valid"], report.counts["annotators"]) == (18, 18, 3)
    rows = project.read(SUBMISSIONS)
    known = truth(project)
    predictions = {p.hand_id: p.prediction_id for p in project.read(PREDICTIONS)}
    people = [a.email for a in annotators(project)]
    for row in rows:
        person = people.index(row.annotator)
        assert np.abs(row.keypoints - known[row.hand_id] - [person, 0]).max() < 1e-6
        assert row.visibility.tolist() == states(person).tolist()
        assert row.prediction_id == predictions[row.hand_id]
        assert row.lead_time_s == 3.0 + person
        assert (project.root / "submissions" / "raw" / f"{row.raw_sha256}.json").is_file()
    sides = {h.hand_id: h.side for h in project.hands()}
    assert all(r.side == sides[r.hand_id] for r in rows)

    table, state = project.table_path(SUBMISSIONS).read_bytes(), server_state(project, number)
    again = run_pull(PullConfig(), project)
    assert again.counts["new"] == 0
    assert project.table_path(SUBMISSIONS).read_bytes() == table
    assert server_state(project, number) == state


def test_the_annotators_browser_gets_the_pictures(site: Site) -> None:
    number = run_push(PushConfig(), site.project).details["server_project"]
    who = annotators(site.project)[0]
    headers = {"Authorization": f"Token {who.token}"}
    url = connect(site.project).url
    with Client(connect(site.project)) as client:
        tasks = client.tasks(number, page_size=100)
    for task in tasks:
        for name in ("image", "context"):
            answer = httpx.get(url + task["data"][name], headers=headers)
            assert answer.status_code == 200
            assert answer.content[:2] == b"\xff\xd8"
    assert httpx.get(url + tasks[0]["data"]["image"]).status_code in {302, 401, 403}
    outside = httpx.get(f"{url}/data/local-files/?d=hint.toml", headers=headers)
    assert outside.status_code != 200


def test_an_edit_a_deletion_a_skip_and_a_stranger(site: Site) -> None:
    project = site.round(4)
    run_push(PushConfig(), project)
    answer_all(project)
    run_pull(PullConfig(), project)
    before = {s.submission_id: s for s in project.read(SUBMISSIONS)}
    one, two, three = annotators(project)
    of = {(s.annotator, s.task_key): s for s in before.values()}
    keys = sorted({s.task_key for s in before.values()})

    edited = of[one.email, keys[0]]
    result = call(project, one, "GET", f"/api/annotations/{edited.annotation_id}/")["result"]
    joint = next(r for r in result if r["type"] == "keypointlabels" and r["value"]["keypointlabels"] == ["ring_tip"])
    joint["value"]["x"] += 1.0
    call(project, one, "PATCH", f"/api/annotations/{edited.annotation_id}/", {"result": result})
    deleted = of[two.email, keys[1]]
    call(project, two, "DELETE", f"/api/annotations/{deleted.annotation_id}/")
    taken_over = of[three.email, keys[2]]
    call(project, one, "PATCH", f"/api/annotations/{taken_over.annotation_id}/", {"lead_time": 99})
    task = next(e.task_id for e in project.read(LEDGER) if e.task_key == keys[3])
    call(project, two, "POST", f"/api/tasks/{task}/annotations/", {"result": [], "was_cancelled": True})
    call(project, two, "POST", f"/api/tasks/{task}/annotations/", {"result": []})

    report = run_pull(PullConfig(), project)
    after = {s.submission_id: s for s in project.read(SUBMISSIONS)}
    assert before.keys() <= after.keys()  # nothing is ever lost
    assert {i for i in before if after[i].superseded} == {
        edited.submission_id, deleted.submission_id, taken_over.submission_id,
    }  # fmt: skip
    new = [after[i] for i in after.keys() - before.keys()]
    assert len(new) == 4
    (moved,) = [s for s in new if s.task_key == keys[0]]
    change = moved.keypoints - edited.keypoints
    assert np.abs(np.delete(change, 16, axis=0)).max() < 1e-9
    assert change[16, 0] > 0.1
    (skipped,) = [s for s in new if s.reject_reason == "skipped"]
    assert not skipped.valid
    assert not skipped.rejected
    (empty,) = [s for s in new if s.task_key == keys[3] and s.reject_reason == ""]
    assert not empty.valid
    assert empty.keypoints is None
    said = {"annotation-deleted", "changed-by-another", "skipped", "several-by-one", "missing-joint"}
    assert {f.code for f in report.findings} >= {f"pull.{code}" for code in said}
    table = project.table_path(SUBMISSIONS).read_bytes()
    assert "pull.annotation-deleted" not in {f.code for f in run_pull(PullConfig(), project).findings}
    assert project.table_path(SUBMISSIONS).read_bytes() == table


def test_a_new_model_reaches_the_tasks_that_are_there(site: Site) -> None:
    project = site.round(3)
    number = run_push(PushConfig(), project).details["server_project"]
    newer = [predict(content_id("hand", k), true_keypoints(k), "better@2") for k in range(3)]
    project.write(PREDICTIONS, newer)
    assert run_push(PushConfig(), project).counts["predictions updated"] == 3
    state = server_state(project, number)
    assert state[2] == "better@2"
    assert [len(t["predictions"]) for t in state[0]] == [2, 2, 2]
    assert {e.prediction_id for e in project.read(LEDGER)} == {p.prediction_id for p in newer}
    project.table_path(LEDGER).unlink()  # as if the push was killed before it wrote the ledger
    assert run_push(PushConfig(), project).counts["predictions updated"] == 0
    assert server_state(project, number) == state

    by_hand: dict[str, Any] = {}

    def look(view: TaskView) -> None:
        by_hand[view.hand_id] = view.keypoints

    assert answer_tasks(connect(project), annotators(project)[0], look) == 0
    assert all(np.abs(by_hand[content_id("hand", k)] - true_keypoints(k)).max() < 1e-6 for k in range(3))


def test_queued_hands_come_again_once(site: Site) -> None:
    project = site.round(4)
    run_push(PushConfig(), project)
    answer_all(project)
    run_pull(PullConfig(), project)
    queued = content_id("hand", 2)
    project.write(QUEUE, [QueueItem(hand_id=queued, rank=1, score=1.0, reason="test")])
    assert run_push(PushConfig(queue=True), project).counts["sent"] == 1
    assert run_push(PushConfig(queue=True), project).counts["sent"] == 0
    assert run_push(PushConfig(), project).counts["sent"] == 0
    assert len(project.read(LEDGER)) == 5
    assert answer_all(project) == 1  # one person decides
    run_pull(PullConfig(), project)
    rows = [s for s in project.read(SUBMISSIONS) if s.hand_id == queued]
    assert len(rows) == 4
    assert len({s.task_key for s in rows}) == 2
    assert run_pull(PullConfig(), project).counts["new"] == 0


def test_a_rejection_with_a_reason(site: Site) -> None:
    project = site.round(1)
    run_push(PushConfig(), project)
    refusal = Answer(keypoints=None, visibility=None, box=None, side=None, reject_reason="too_blurry")
    assert answer_tasks(connect(project), annotators(project)[0], lambda view: refusal) == 1
    report = run_pull(PullConfig(), project)
    (row,) = project.read(SUBMISSIONS)
    assert (row.rejected, row.reject_reason, row.valid, row.keypoints) == (True, "too_blurry", False, None)
    assert report.counts["rejected"] == 1
    assert report.findings == ()


def test_a_deleted_task_is_sent_again_and_its_answers_stay(site: Site) -> None:
    project = site.round(2)
    run_push(PushConfig(), project)
    answer_all(project)
    run_pull(PullConfig(), project)
    gone = project.read(LEDGER)[0]
    with Client(connect(project)) as client:
        client.delete_task(gone.task_id)
    report = run_push(PushConfig(), project)
    assert report.counts["sent"] == 1
    assert "push.task-gone" in {f.code for f in report.findings}
    pulled = run_pull(PullConfig(), project)
    assert "pull.annotation-deleted" in {f.code for f in pulled.findings}
    rows = project.read(SUBMISSIONS)
    assert len(rows) == 6
    assert {s.superseded for s in rows if s.task_key == gone.task_key} == {True}
    assert {s.superseded for s in rows if s.task_key != gone.task_key} == {False}


def test_kill_at_any_moment_and_push_again(site: Site) -> None:
    project = site.round(0)
    make_round(project.root, 60)
    code = (
        "import sys; from pathlib import Path; from hint_tools.store.project import open_project;"
        "from hint_tools.labelstudio.config import PushConfig; from hint_tools.labelstudio.push import run_push;"
        "run_push(PushConfig(chunk=5), open_project(Path(sys.argv[1])))"
    )
    journal = project.root / ".hint" / "journal" / "push.jsonl"
    chance = random.Random(7)
    killed = 0
    for _ in range(4):
        size = journal.stat().st_size if journal.exists() else 0
        child = subprocess.Popen([sys.executable, "-c", code, str(project.root)])
        while child.poll() is None and (not journal.exists() or journal.stat().st_size == size):
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.4))
        killed += child.poll() is None
        child.send_signal(signal.SIGKILL)
        child.wait()
    report = run_push(PushConfig(chunk=5), project)
    assert killed >= 3
    with Client(connect(project)) as client:
        listing = client.task_ids_by_key(report.details["server_project"])
    assert len(listing) == 60
    assert {len(tasks) for tasks in listing.values()} == {1}
    assert {e.task_key for e in project.read(LEDGER)} == set(listing)
    assert all(e.pushed_at.startswith("20") for e in project.read(LEDGER))


def test_predictions_carry_the_model_name(site: Site) -> None:
    project = site.round(1)
    number = run_push(PushConfig(), project).details["server_project"]
    (task,) = server_state(project, number)[0]
    (prediction,) = task["predictions"]
    assert prediction["model_version"] == MODEL
    words = [r["value"]["choices"] for r in prediction["result"] if r["from_name"] == "visibility"]
    assert words == [["visible"]] * 21
    assert Visibility.VISIBLE == 2
    assert Path(site.project.root).is_dir()
