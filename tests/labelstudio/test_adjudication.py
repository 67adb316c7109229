"""Two people differ, a third one decides: on a real Label Studio, with a real browser."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
from devtools import CHROMIUM, Tab, browser
from labelstudio_rounds import Site, true_keypoints

from hint_tools.core.ids import content_id, task_key
from hint_tools.core.quoted_names import quoted
from hint_tools.core.records import Status
from hint_tools.labelstudio.answering import Answer, TaskView, annotators, answer_tasks
from hint_tools.labelstudio.config import PullConfig, PushConfig
from hint_tools.labelstudio.connection import connect, stored
from hint_tools.labelstudio.pull import run_pull
from hint_tools.labelstudio.push import run_push
from hint_tools.qc.config import QcConfig
from hint_tools.qc.run import run as run_qc
from hint_tools.store.project import Project
from hint_tools.store.tables import CONSENSUS, LEDGER, QUEUE, SUBMISSIONS

pytestmark = [pytest.mark.labelstudio, pytest.mark.slow]

DOUBTED = content_id("hand", 2)
QC = QcConfig(bootstrap=50)


def answer_as(project: Project, person: int, shift_px: float, seed: int) -> int:
    """One person answers every open task near the truth; the doubted hand's index is off by `shift_px`."""
    rng = np.random.default_rng(seed)
    known = {content_id("hand", k): true_keypoints(k) for k in range(40)}

    def give(view: TaskView) -> Answer:
        points = known[view.hand_id] + rng.normal(0, 0.3, (21, 2))
        if view.hand_id == DOUBTED:
            points[5:9, 0] += shift_px
        return Answer(
            keypoints=points, visibility=np.full(21, 2, np.int8), box=view.box, side=view.side, lead_time_s=9.0
        )

    return answer_tasks(connect(project), annotators(project)[person], give)


def doubted(site: Site) -> Project:
    """A round of which two people answered everything and differ on one hand, which is in the queue."""
    project = site.round(12)
    run_push(PushConfig(maximum_annotations=2), project)
    assert answer_as(project, 0, 0.0, 1) == answer_as(project, 1, 45.0, 2) == 12
    run_pull(PullConfig(), project)
    run_qc(QC, project)
    assert [q.hand_id for q in project.read(QUEUE)] == [DOUBTED]
    return project


def test_the_adjudicated_answer_wins_and_the_first_ones_stay(site: Site) -> None:
    project = doubted(site)
    before = [s.submission_id for s in project.read(SUBMISSIONS)]
    first = run_push(PushConfig(maximum_annotations=2), project).details["server_project"]
    report = run_push(PushConfig(queue=True), project)
    assert report.counts["sent"] == 1
    assert report.details["server_project"] != first  # the first round's tasks still want two answers
    assert {e.server_project for e in project.read(LEDGER)} == {first, report.details["server_project"]}
    assert answer_as(project, 2, 10.0, 3) == 1
    assert answer_as(project, 0, 0.0, 4) == 0  # one person decides
    run_pull(PullConfig(), project)
    run_qc(QC, project)
    rows = project.read(SUBMISSIONS)
    assert set(before) < {s.submission_id for s in rows}
    assert not any(s.superseded for s in rows)
    (decision,) = [s for s in rows if s.task_key == task_key(DOUBTED, 1)]
    (concluded,) = [c for c in project.read(CONSENSUS) if c.hand_id == DOUBTED]
    assert concluded.status == Status.ADJUDICATED
    assert np.allclose(concluded.keypoints, decision.keypoints)
    assert project.read(QUEUE) == []
    results = project.path("qc/qc.json").read_bytes()
    run_pull(PullConfig(), project)
    run_qc(QC, project)
    assert project.path("qc/qc.json").read_bytes() == results


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium to look with")
def test_a_browser_shows_the_disagreement_and_submits(site: Site, tmp_path: Path) -> None:
    project = doubted(site)
    names = [a.email for a in annotators(project)]
    (queued,) = project.read(QUEUE)
    hostile = f"""{quoted(names[0])} <img src=x onerror="document.title='markup'"><b>bold</b>"""
    project.write(QUEUE, [type(queued)(hand_id=DOUBTED, rank=1, score=1.0, reason=hostile)])
    where = f"/data/local-files/?d={project.root.name}"  # this server's pictures begin at another project
    number = run_push(PushConfig(queue=True, image_prefix=where), project).details["server_project"]
    with browser(tmp_path / "profile") as tab:
        tab.show(1440, 900)
        _log_in(tab, project, names[2])
        tab.open(f"{connect(project).url}/projects/{number}/data?labeling=1")
        shown = tab.until(lambda: tab.run("document.querySelector('.lsf-richtext')?.innerText"))
        assert shown.endswith("""<img src=x onerror="document.title='markup'"><b>bold</b>""")
        loaded = "[...document.querySelectorAll('.lsf-object img')].map(e => e.naturalWidth)"
        tab.until(lambda: len([w for w in tab.run(loaded) if w > 100]) == 3)  # clean, earlier answers, whole frame
        page = tab.run("document.body.innerText")
        assert not any(name in page for name in names[:2])
        assert tab.run("document.title") != "markup"
        assert not [r for r in tab.requests if not r.startswith((connect(project).url, "blob:", "data:", "about:"))]
        button = "[...document.querySelectorAll('button')].find(b => b.innerText.trim() == 'Submit' && !b.disabled)"
        tab.until(lambda: tab.run(f"!!{button}"))
        time.sleep(1)  # the editor takes a moment to make an annotation of the prediction
        tab.press("Enter", modifiers=2)
        tab.until(lambda: run_pull(PullConfig(), project).counts["annotations"] == 25)
    (decision,) = [s for s in project.read(SUBMISSIONS) if s.task_key == task_key(DOUBTED, 1)]
    assert (decision.annotator, decision.valid) == (names[2], True)
    assert np.abs(decision.keypoints - true_keypoints(2)).max() < 10  # the clean start: the model's, nobody's answer


def _log_in(tab: Tab, project: Project, who: str) -> None:
    tab.open(f"{connect(project).url}/user/login/")
    password = stored(project)["annotators"][who]["password"]
    for field, value in (("email", who), ("password", password)):
        tab.run(f"document.querySelector('input[name={field}]').value = {json.dumps(value)}")
    tab.run("document.querySelector('form').submit()")
    tab.until(lambda: "/user/login" not in tab.run("location.pathname"))
