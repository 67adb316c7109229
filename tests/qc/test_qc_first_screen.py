"""What a lead reads first: true of the round, silent where nothing was measured."""

import re

import numpy as np
import pytest
from qc_rounds import changed, joints_of, make_round, swapped
from test_qc_run import project_of

from hint_tools.core.records import Hand
from hint_tools.qc.advice import advice_to
from hint_tools.qc.agreement_page import agreement_sections, pair_blocks
from hint_tools.qc.analysis import analyse
from hint_tools.qc.config import QcConfig
from hint_tools.qc.people_page import people_section, person_target
from hint_tools.qc.results import qc_json
from hint_tools.qc.run import run
from hint_tools.qc.summary import figures, headline, summary_section
from hint_tools.report.hand_map import hand_map
from hint_tools.report.matrix_chart import MOST_PEOPLE, matrix_chart
from hint_tools.report.page import Chart, Link, Table, render_page

CONFIG = QcConfig(bootstrap=60, report_hands=3)


def analysed(made, **settings):
    return analyse(made.panel(), made.by_id(), {}, CONFIG.model_copy(update=settings))


def swapping_round():
    """Bo swaps two fingers in three hands of thirty."""
    made = make_round(30, 3, seed=81)
    for h in (3, 7, 11):
        changed(made, h, "bo", keypoints=joints_of(made, h, "bo")[swapped(1, 2)])
    return made


@pytest.fixture(scope="module")
def swapping():
    return analysed(swapping_round())


def words(section):
    return render_page("t", "", {}, [section])


def test_who_is_to_be_told_what_is_on_the_first_screen(swapping):
    section = summary_section(swapping, CONFIG, 0)
    (table,) = [b for b in section.blocks if isinstance(b, Table)]
    said = {link.text: (link.target, mistakes, points.items) for link, mistakes, _, points in table.rows}
    profile = next(p for p in swapping.profiles if swapping.panel.annotators[p.annotator] == "bo")
    assert said["bo"] == (person_target(profile.annotator), 3, list(advice_to(swapping, profile)))
    assert "3 times" in said["bo"][2][0]
    assert section.blocks.index(table) == 0  # before the rest
    assert "two fingers carry each other&#39;s names (3)" in words(section)
    assert '<a href="#queue">3 of 30 hands</a> are worth a second look' in words(section)


def test_of_much_advice_three_sentences_are_shown_and_the_rest_is_a_click_away(swapping, monkeypatch):
    sentences = ("a", "b", "c", "d", "e")
    monkeypatch.setattr("hint_tools.qc.summary.advice_to", lambda *_: sentences)
    (table,) = [b for b in summary_section(swapping, CONFIG, 0).blocks if isinstance(b, Table)]
    link, *_, points = table.rows[0]
    assert points.items == ["a", "b", "c", (Link("2 more", link.target),)]


def test_what_there_is_to_do_comes_first_and_leads_on(swapping):
    first, second, *_ = headline(swapping).items()
    assert first == ("hands to look at again", Link("3\n10 % of those answered", "#queue"))
    assert second == ("certain mistakes", Link("3", "#mistakes"))


def test_who_needs_a_word_most_comes_first():
    made = swapping_round()
    changed(made, 20, "ana", keypoints=joints_of(made, 20, "ana")[swapped(1, 2)])
    (table,) = [b for b in summary_section(analysed(made), CONFIG, 0).blocks if isinstance(b, Table)]
    assert [row[0].text for row in table.rows][:2] == ["bo", "ana"]


def test_agreement_is_set_beside_the_published_one(swapping):
    page = words(summary_section(swapping, CONFIG, 0))
    palm = next(a for a in swapping.agreement if a.name == "both visible").palm
    ends = f"95 %: {100 * palm.low:.1f} to {100 * palm.high:.1f}"
    assert f"Two people place {100 * palm.value:.1f} % ({ends}) of the visible joints" in page
    raw = swapping.occlusion_intervals.raw
    assert f"They give {100 * raw.value:.1f} % (95 %: {100 * raw.low:.1f} to {100 * raw.high:.1f}) of" in page
    assert raw.value == pytest.approx(swapping.occlusion.raw)
    assert "HInt&#39;s own annotators did 94.6 %" in page
    assert figures(swapping)["visible joints within ¼ palm"].startswith(f"{100 * palm.value:.1f} %")


def test_gates_and_hands_without_an_answer_are_told_first(swapping):
    page = words(summary_section(swapping, QcConfig(max_flagged=0.05), 4))
    assert "Not passed: part of the hands in the queue (expected at most 5.0 %, got 10.0 %)." in page
    assert "4 hands have no answer yet." in page
    assert headline(swapping, 4)["hands answered"] == "30\n30 by two people or more; 4 without an answer"
    assert "Passed: part of the hands in the queue." in words(summary_section(swapping, QcConfig(max_flagged=0.5), 0))


@pytest.mark.parametrize("rejected", [False, True])
def test_where_nobody_can_be_compared_no_figure_is_made_up(rejected):
    made = make_round(12, 2 if rejected else 1, seed=82)
    for h in range(12 if rejected else 0):
        for name in ("ana", "bo"):
            changed(made, h, name, keypoints=None, visibility=None, side=None, rejected=True)
    alone = analysed(made)
    sections = agreement_sections(alone)
    assert not [b for s in sections for b in s.blocks if isinstance(b, Chart)]
    page = render_page("t", "", headline(alone), [summary_section(alone, CONFIG, 0), *sections])
    assert "No hand has joints of two people yet" in page
    assert "0.018 for visible joints and 0.035 for occluded joints stand in" in page
    (table,) = [b for b in people_section(alone, pair_blocks(alone)).blocks if isinstance(b, Table)]
    places = [table.head.index(h) for h in table.head if "error" in h or "called so" in h]
    assert {row[k] for row in table.rows for k in places} == {"–"}
    assert figures(alone) == {}


@pytest.mark.parametrize(("people", "told"), [(2, False), (3, True)])
def test_of_two_people_alone_nobody_says_who_errs(people, told):
    found = analysed(make_round(60, people, seed=87))
    (table, *_) = [b for b in people_section(found, ()).blocks if isinstance(b, Table)]
    places = [table.head.index(h) for h in table.head if "error" in h or "called so" in h]
    assert ({row[k] for row in table.rows for k in places} == {"–"}) is not told
    assert ("three people" in table.caption) is not told
    occlusion = next(s for s in agreement_sections(found) if s.title == "Occlusion")
    assert not [b for b in occlusion.blocks if isinstance(b, Chart)]  # all are of one mind: nothing to draw


def test_the_square_holds_the_mean_distance_of_every_two(swapping):
    blocks = pair_blocks(swapping)
    chart = next(b for b in blocks if isinstance(b, Chart))
    panel, scale = swapping.panel, swapping.sizes.scale
    for one, other in ((0, 1), (0, 2), (1, 2)):
        apart = np.linalg.norm(panel.keypoints[:, one] - panel.keypoints[:, other], axis=-1) / scale[:, None]
        names = f"{panel.annotators[one]} and {panel.annotators[other]}"
        assert f"{names}: {np.nanmean(apart):.3f}" in chart.svg
        assert chart.svg.count(f">{np.nanmean(apart):.3f}<") >= 2


def test_where_people_differ_on_what_is_hidden_is_drawn_and_written(tmp_path):
    made = make_round(10, 3, seed=86)
    for h in range(4):
        seen = made.visibility[h].copy()
        seen[8] = 3 - seen[8]  # visible for hidden and the other way round
        changed(made, h, "bo", visibility=seen)
    found = analysed(made)
    by_joint = qc_json(found, {})["occlusion"]["raw_by_joint"]
    assert by_joint.pop("index_tip") == pytest.approx(1 - 4 * 2 / (10 * 3))  # two of three pairs differ in four hands
    assert set(by_joint.values()) == {1.0}
    occlusion = next(s for s in agreement_sections(found) if s.title == "Occlusion")
    svg = next(b for b in occlusion.blocks if isinstance(b, Chart)).svg
    assert ">.267</text>" in svg
    assert svg.count(">.000</text>") == 20


def test_names_that_read_like_pairs_keep_their_own_cells():
    made = make_round(20, 3, seed=83)
    for old, new in zip(("ana", "bo", "cy"), ("x", "x and y", "y and z"), strict=True):
        for s in made.submissions:
            if s.annotator == old:
                object.__setattr__(s, "annotator", new)
    for h in range(20):  # x and "y and z" lie far apart, and so do "x and y" and "y and z"
        changed(made, h, "y and z", keypoints=joints_of(made, h, "y and z") + 0.05 * made.scale[h])
    found = analysed(made)
    svg = next(b for b in pair_blocks(found) if isinstance(b, Chart)).svg
    told = dict(re.findall(r"(x and x and y|x and y and z|x and y and y and z): (\d\.\d+)", svg))
    assert float(told["x and x and y"]) < 0.05 < float(told["x and y and z"])


def test_drawn_hands_and_squares_refuse_what_they_cannot_show():
    with pytest.raises(ValueError, match="1 or 2 series of 21 radii"):
        hand_map({k: np.zeros(21) for k in "abc"}, unit="σ")
    with pytest.raises(ValueError, match="1 or 2 series of 21 radii"):
        hand_map({"a": np.zeros(20)}, unit="σ")
    with pytest.raises(ValueError, match=f"1 to {MOST_PEOPLE} people"):
        matrix_chart(["a", "b"], np.zeros((3, 3)))
    svg = hand_map({"visible joints": np.where(np.arange(21) == 4, np.nan, 0.02)}, unit="σ")
    assert svg.count('class="area"') == 20
    assert "thumb tip" not in svg
    assert "<script" not in matrix_chart(["<script>", "b" * 99], np.full((2, 2), np.nan))


def test_a_name_cannot_turn_the_words_around_it(tmp_path):
    made = swapping_round()
    for s in made.submissions:
        if s.annotator == "bo":
            object.__setattr__(s, "annotator", "عبد\u202eevil\x1b[31m")
    project = project_of(tmp_path / "p", made)
    run(CONFIG, project)
    for page in sorted((project.root / "qc").glob("*.html")):
        text = page.read_text(encoding="utf-8")
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)
    assert "عبد\ufffdevil\ufffd[31m swapped index and middle" in text


def test_a_queued_hand_without_a_picture_is_listed_with_its_reason(tmp_path):
    made = swapping_round()
    project = project_of(tmp_path / "p", made)
    run(CONFIG, project)
    page = (project.root / "qc/report.html").read_text(encoding="utf-8")
    assert page.count('<a href="#rank-1">') == 1
    assert '<h3 class="case" id="rank-1">' in page
    (project.root / "frames/a.jpg").unlink()
    run(CONFIG, project)
    assert re.search(r'id="rank-1">1\. bo swapped index and middle', (project.root / "qc/report.html").read_text())


def test_hands_nobody_answered_are_counted_on_the_page(tmp_path):
    made = swapping_round()
    made.hands.append(Hand(hand_id="quiet", frame_id="f00000", box=[0, 0, 5, 5]))
    project = project_of(tmp_path / "p", made)
    run(CONFIG, project)
    assert "1 hand has no answer yet." in (project.root / "qc/report.html").read_text(encoding="utf-8")
