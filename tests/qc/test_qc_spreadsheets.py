"""The CSV files beside the report: the numbers of qc.json, and nothing a spreadsheet would run."""

import csv
import json
import unicodedata
from dataclasses import replace

import numpy as np
import pytest
from qc_rounds import answer, changed, joints_of, make_round, swapped
from test_qc_run import project_of

from hint_tools.core.ids import task_key
from hint_tools.core.quoted_names import plain
from hint_tools.qc.config import QcConfig
from hint_tools.qc.run import run
from hint_tools.qc.spreadsheets import SPREADSHEETS
from hint_tools.store.tables import CONSENSUS, QUEUE

CONFIG = QcConfig(bootstrap=60, report_hands=0)


def rows_of(project, name):
    with (project.root / "qc" / name).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def spoilt_round(name="bo"):
    made = make_round(60, 3, seed=84)
    for h in (3, 7):
        changed(made, h, "bo", keypoints=joints_of(made, h, "bo")[swapped(1, 2)])
    for s in made.submissions:
        if s.annotator == "bo":
            object.__setattr__(s, "annotator", name)
    return made


def test_the_numbers_are_those_of_the_tables_and_of_qc_json(tmp_path):
    project = project_of(tmp_path / "p", spoilt_round())
    run(CONFIG, project)
    results = json.loads((project.root / "qc/qc.json").read_text(encoding="utf-8"))
    assert {p.name for p in (project.root / "qc").glob("*.csv")} == set(SPREADSHEETS)
    hands = {r["hand"]: r for r in rows_of(project, "hands.csv")}
    assert {h: r["status"] for h, r in hands.items()} == {c.hand_id: c.status for c in project.read(CONSENSUS)}
    queued = {q.hand_id: (str(q.rank), plain(q.reason)) for q in project.read(QUEUE)}
    assert {h: (r["rank"], r["why"]) for h, r in hands.items() if r["rank"]} == queued
    assert hands["h00003"]["mistakes"] == "finger-swap"
    assert hands["h00003"]["picture"] == "frames/a.jpg"
    people = {r["annotator"]: r for r in rows_of(project, "annotators.csv")}
    for told in results["annotators"]:
        row = people[told["annotator"]]
        written = [float(row[c]) if row[c] else None for c in ("sensitivity", "sensitivity_low", "sensitivity_high")]
        assert written == [v if v is None else pytest.approx(v, rel=1e-5) for v in told["sensitivity"]]
        assert float(row["error"]) == pytest.approx(told["error"][0], rel=1e-5)
        assert row["advice"] == " ".join(told["advice"])
    assert [(r["code"], r["hand"], r["annotators"], r["message"]) for r in rows_of(project, "mistakes.csv")] == [
        (m["code"], m["hand"], "; ".join(m["annotators"]), m["message"]) for m in results["mistakes"]
    ]
    told = [(a["group"], a["name"], a["distance"][0]) for a in results["agreement"]]
    written = [(r["group"], r["name"], r["distance"]) for r in rows_of(project, "agreement.csv")]
    assert written == [(group, name, "" if d is None else f"{d:.6g}") for group, name, d in told]
    assert len(rows_of(project, "sigmas.csv")) == 42


NAMES = (
    "=cmd()|' /C calc'!A0", "+1", "-2", "@SUM(A1)", "\tx", "\r=1", 'a"b,c\nd', "x;=cmd()", "x; \uff1dcmd()",
    "\uff20SUM(A1)", "\u200b=1", "a\n=1", "\x1b[2J\x00\x9b31m\u202e=1", "Mar\u00eda",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_no_cell_begins_a_formula_and_every_row_is_whole(tmp_path, name):
    project = project_of(tmp_path / "p", spoilt_round(name))
    run(CONFIG, project)
    for file in SPREADSHEETS:
        with (project.root / "qc" / file).open(encoding="utf-8-sig", newline="") as opened:
            head, *rows = csv.reader(opened)
        assert {len(r) for r in rows} == {len(head)}
        numbers = {"gain", "disagreement", "score"}
        texts = [c for r in rows for h, c in zip(head, r, strict=True) if h not in numbers]
        cells = [part.lstrip(" \u200b") for c in texts for part in c.split(";")]  # however the columns are parted
        assert not [c for c in cells if c[:1] in set("=+-@\uff1d\uff0b\uff0d\uff20")]
        assert not [c for c in "".join(texts) if unicodedata.category(c) in ("Cc", "Zl", "Zp") or c == "\u202e"]
        raw = (project.root / "qc" / file).read_text(encoding="utf-8-sig")
        assert raw.count("\n") == len(rows) + 1  # one line a row
    letters = name.replace("'", "")
    shown = "".join(c if c.isprintable() or c == "\u200b" else " " if c.isspace() else "\ufffd" for c in letters)
    assert shown in {r["annotator"].replace("'", "") for r in rows_of(project, "annotators.csv")}


def test_excel_reads_letters_beyond_english_and_numbers_stay_numbers(tmp_path):
    project = project_of(tmp_path / "p", spoilt_round("Mar\u00eda"))
    run(CONFIG, project)
    for file in SPREADSHEETS:
        assert (project.root / "qc" / file).read_bytes().startswith(b"\xef\xbb\xbf")
    line = next(r for r in (project.root / "qc/annotators.csv").read_text("utf-8-sig").splitlines() if "Mar" in r)
    assert line.startswith('"Mar\u00eda",60,')


def test_a_decided_hand_counts_all_answers_to_it_and_says_how_far_the_first_are_apart(tmp_path):
    made = spoilt_round()
    alone = project_of(tmp_path / "alone", made)
    run(CONFIG, alone)
    later = answer("h00003", "zoe", made.truth[3], np.full(21, 2), number=900, task_key=task_key("h00003", 1))
    only = answer("h00070", "ana", made.truth[3], np.full(21, 2), number=901, task_key=task_key("h00070", 1))
    made.hands.append(replace(made.hands[3], hand_id="h00070"))
    made.submissions += [later, only]
    decided = project_of(tmp_path / "decided", made)
    run(CONFIG, decided)
    before, after = ({r["hand"]: r for r in rows_of(p, "hands.csv")} for p in (alone, decided))
    assert (before["h00003"]["answers"], after["h00003"]["answers"]) == ("3", "4")
    assert after["h00003"]["status"] == "adjudicated"
    assert after["h00003"]["disagreement"] == before["h00003"]["disagreement"] != ""
    assert (after["h00070"]["answers"], after["h00070"]["disagreement"]) == ("1", "")
    assert after["h00004"] == before["h00004"]


def test_the_same_bytes_again_and_nothing_when_dry(tmp_path):
    project = project_of(tmp_path / "p", spoilt_round())
    run(CONFIG.model_copy(update={"dry_run": True}), project)
    assert not (project.root / "qc").exists()
    run(CONFIG, project)
    once = {f: (project.root / "qc" / f).read_bytes() for f in SPREADSHEETS}
    run(CONFIG, project)
    assert {f: (project.root / "qc" / f).read_bytes() for f in SPREADSHEETS} == once
