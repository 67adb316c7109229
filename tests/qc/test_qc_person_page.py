"""What the report says of each person: true of planted habits, fair where nothing is certain, the same every time."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from qc_rounds import changed, joints_of, make_round, swapped
from test_qc_run import project_of

from hint_tools.core.skeleton import JOINT_INDEX
from hint_tools.qc.advice import advice_to, certain_habits
from hint_tools.qc.analysis import analyse
from hint_tools.qc.bootstrap import wilson
from hint_tools.qc.config import QcConfig
from hint_tools.qc.drift import Change
from hint_tools.qc.gold import FAILED, PASSED, UNDECIDED, GoldTest
from hint_tools.qc.people_page import IN_REPORT, people_section, person_target
from hint_tools.qc.person_page import distances_to_consensus, person_section, worst_answers
from hint_tools.qc.pictures import Pictures
from hint_tools.qc.run import run
from hint_tools.report.hand_chart import MAGNIFIED, hand_chart
from hint_tools.report.page import Chart, Table, Text

CONFIG = QcConfig(bootstrap=60, report_hands=3)


def analysed(made):
    return analyse(made.panel(), made.by_id(), {}, CONFIG)


def habit_round():
    """Bo puts the index tip 5 % of the hand too far towards the fingertips, and swaps two fingers in hand 7."""
    made = make_round(90, 3, seed=5)
    for h in range(90):
        joints = joints_of(made, h, "bo").copy()
        along = made.truth[h][9] - made.truth[h][0]
        joints[8] += 0.05 * made.scale[h] * along / np.linalg.norm(along)
        changed(made, h, "bo", keypoints=joints)
    changed(made, 7, "bo", keypoints=joints_of(made, 7, "bo")[swapped(1, 3)])
    return made


@pytest.fixture(scope="module")
def habits():
    return analysed(habit_round())


def test_who_has_the_habit_is_told_and_nobody_else(habits):
    said = {habits.panel.annotators[p.annotator]: advice_to(habits, p) for p in habits.profiles}
    assert any(
        re.fullmatch(
            r"Places the index tip \d\.\d % of the hand farther towards the fingertips than the others do\.", s
        )
        for s in said["bo"]
    )
    assert any(s.startswith("Two fingers carry each other's names, once") for s in said["bo"])
    assert not [s for who in ("ana", "cy") for s in said[who] if "Places" in s or "names" in s]
    largest = certain_habits(habits.profiles[1].biases)[0]
    assert (largest.joint, largest.direction) == ("index_tip", "along")


def test_the_worst_hand_is_the_spoilt_one_and_its_reason_is_named(habits):
    apart = distances_to_consensus(habits)
    assert worst_answers(habits, 1, apart)[0][0] == 7
    assert worst_answers(habits, 1, apart)[0][2] == "Two fingers carry each other's names"
    assert 7 not in [hand for hand, _, _ in worst_answers(habits, 0, apart)]


def test_clean_answers_give_nobody_a_bad_name():
    analysis = analysed(make_round(60, 3, seed=6))
    for profile in analysis.profiles:
        assert not [s for s in advice_to(analysis, profile) if "Errs" in s or "Calls" in s or "names" in s]


def test_a_hand_is_drawn_only_where_there_is_a_habit_to_see(habits):
    profile = habits.profiles[1]
    shown = person_section(habits, profile, NoPictures(habits))
    assert any(isinstance(b, Chart) and "puts joints beside" in b.caption for b in shown.blocks)
    none = tuple(
        replace(b, shrunk=replace(b.shrunk, value=0.001, low=0.0, high=0.002), told=False) for b in profile.biases
    )
    shown = person_section(habits, replace(profile, biases=none), NoPictures(habits))
    assert not any(isinstance(b, Chart) and "puts joints beside" in b.caption for b in shown.blocks)
    assert any(isinstance(b, Text) and b.paragraphs[0].startswith("No joint is placed beside") for b in shown.blocks)


class NoPictures(Pictures):
    """Of a project whose frames are gone."""

    def __init__(self, analysis) -> None:
        super().__init__(None, {}, {}, distances_to_consensus(analysis))

    def beside_consensus(self, *_):
        return None


def test_one_annotator_alone_has_a_section_without_comparisons(tmp_path):
    project = project_of(tmp_path / "p", make_round(6, 1, seed=43))
    run(CONFIG, project)
    page = (project.root / "qc/report.html").read_text(encoding="utf-8")
    assert 'id="annotator-1"' in page
    assert "Nobody else answered the same hands" in page
    assert "1 errs like the average" not in page  # a row that nobody has a figure for
    assert "Over time" not in page


def everybody(project) -> dict[str, str]:
    return {p.name: p.read_text(encoding="utf-8") for p in sorted(Path(project.root / "qc").glob("*.html"))}


def test_every_link_leads_somewhere_and_everybody_is_reached(tmp_path):
    made = make_round(24, 3, seed=8)
    for k, answer in enumerate(made.submissions):  # many people, three a hand
        object.__setattr__(answer, "annotator", f"<b>p{k % 21:02}</b>")
    for h in range(8):
        object.__setattr__(made.submissions[3 * h], "keypoints", made.submissions[3 * h].keypoints[swapped(1, 2)])
    project = project_of(tmp_path / "p", made)
    run(CONFIG, project)
    pages = everybody(project)
    assert {"report.html", "annotators-2.html", "annotators-3.html", "queue-2.html"} <= set(pages)
    ids = {name: set(re.findall(r'\sid="([^"]+)"', text)) for name, text in pages.items()}
    links = [(name, href) for name, text in pages.items() for href in re.findall(r'<a [^>]*href="([^"]+)"', text)]
    for name, href in links:
        file, _, anchor = href.partition("#")
        assert (project.root / "qc" / (file or name)).is_file(), href
        assert not anchor or anchor in ids[file or name], (name, href)
    reached = {href for name, href in links if name == "report.html"}
    assert {person_target(k) for k in range(21)} <= reached
    assert "<b>p" not in "".join(pages.values())
    run(CONFIG, project)
    assert everybody(project) == pages
    fewer = project_of(tmp_path / "p", make_round(24, 3, seed=8))
    run(CONFIG, fewer)
    assert set(everybody(fewer)) == {"report.html"}  # older pages are gone


def test_advice_is_in_the_json_too(tmp_path):
    project = project_of(tmp_path / "p", habit_round())
    run(CONFIG, project)
    results = json.loads((project.root / "qc/qc.json").read_text(encoding="utf-8"))
    page = (project.root / "qc/report.html").read_text(encoding="utf-8")
    sentences = [s for a in results["annotators"] for s in a["advice"]]
    assert sentences
    assert all(s.replace("'", "&#39;") in page for s in sentences)
    assert len(results["annotators"]) <= IN_REPORT


def test_arrows_point_where_the_joint_is_put():
    """Along is up and the thumb's side is left."""
    joint = JOINT_INDEX["middle_tip"]
    for offset, way in (((0.02, 0.0), (0, -1)), ((0.0, 0.02), (-1, 0))):
        offsets = np.full((21, 2), np.nan)
        offsets[joint] = offset
        low, high = offsets - 0.002, offsets + 0.008
        drawn = hand_chart(offsets, low, high, np.isin(np.arange(21), joint))
        x1, y1, x2, y2 = (
            float(v)
            for v in re.search(r'<line x1="([\d.]+)" y1="([\d.]+)" x2="([\d.]+)" y2="([\d.]+)"', drawn).groups()
        )
        assert (x2 - x1, y2 - y1) == pytest.approx(tuple(MAGNIFIED * 400 * 0.02 * w for w in way), abs=0.2)
        cx, cy, rx = (
            float(v) for v in re.search(r'<ellipse cx="([\d.]+)" cy="([\d.]+)" rx="([\d.]+)"', drawn).groups()
        )
        beside = -MAGNIFIED * 400 * 0.003  # the middle of the interval: 0.003 farther along and across than the arrow
        assert (cx - x2, cy - y2, rx) == pytest.approx((beside, beside, MAGNIFIED * 400 * 0.005), abs=0.2)
    with pytest.raises(ValueError, match="21 joints"):
        hand_chart(np.zeros((20, 2)), np.zeros((20, 2)), np.zeros((20, 2)), np.zeros(20, bool))


def tables(section):
    return [b for b in section.blocks if isinstance(b, Table)]


def test_habits_are_shown_as_measured_inside_their_intervals(habits):
    shown = person_section(habits, habits.profiles[1], NoPictures(habits))
    (table,) = [t for t in tables(shown) if "Habits beyond doubt" in t.caption]
    largest = certain_habits(habits.profiles[1].biases)[0]
    joint, direction, offset, ends = table.rows[0]
    assert (joint, direction) == ("index tip", "along")
    assert offset == f"+{largest.measured.value:.3f}"
    low, high = (float(end) for end in ends.split("\u00a0to\u00a0"))
    assert low < float(offset) < high
    drawn = next(b for b in shown.blocks if isinstance(b, Chart) and "puts joints beside" in b.caption)
    across = next(b for b in habits.profiles[1].biases if (b.joint, b.direction) == ("index_tip", "across"))
    told = f"index tip {largest.measured.value:+.3f} along, {across.measured.value:+.3f} across".replace("-", "−")
    assert told in drawn.svg  # the arrow ends in the middle of its ellipse


def test_people_are_set_beside_the_range_of_all_in_the_decimals_of_the_figure(habits):
    seconds = (29.04, 118.4, 48.0)
    profiles = tuple(
        replace(p, seconds=replace(p.seconds, value=s, low=s - 1, high=s + 1))
        for p, s in zip(habits.profiles, seconds, strict=True)
    )
    test = GoldTest(1, 30, wilson(1, 30), PASSED, 18)
    known = replace(habits, profiles=profiles, gold=(replace(test, annotator=0, failures=wilson(3, 30)), test))
    figures = {row[0]: row for row in tables(person_section(known, profiles[1], NoPictures(known)))[0].rows}
    assert figures["median time, s"][1:3] == ["118.4\u00a0(117.4\u00a0to\u00a0119.4)", "29.0 to 118.4"]
    assert figures["gold hands failed, %"][2:] == ["3.3 to 10.0", "of 30: passed after 18"]
    assert not [cell for row in figures.values() for cell in row if "e+" in cell]


def test_undecided_gold_tests_have_no_number_of_hands(habits):
    tests = (GoldTest(0, 5, wilson(0, 5), UNDECIDED, 0), GoldTest(1, 30, wilson(1, 30), PASSED, 18))
    (table,) = [t for t in tables(people_section(replace(habits, gold=tests), ())) if t.caption == "Gold hands"]
    assert [row[-1] for row in table.formatted] == ["–", "18"]


def test_what_is_grave_is_told_first_and_praise_last_or_not_at_all(habits):
    bo = habits.profiles[1]
    passed = replace(habits, gold=(GoldTest(1, 30, wilson(1, 30), PASSED, 18),))
    assert advice_to(passed, bo) == advice_to(habits, bo)
    failed = replace(habits, gold=(GoldTest(1, 30, wilson(9, 30), FAILED, 12),))
    better, worse = (replace(failed, changes=(Change(1, "2026-03-02", *ends, 2.0),)) for ends in ((2, 1), (1, 2)))
    assert advice_to(better, bo)[0].startswith("Failed the gold hands after 12")
    assert advice_to(better, bo)[-1].startswith("Since 2026-03-02 nearer to the others")
    assert advice_to(worse, bo)[1].startswith("Since 2026-03-02 farther from the others")
