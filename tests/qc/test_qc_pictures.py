"""Pictures of hands: what is wrong can be seen, whose answer is meant is marked, and words say the same."""

import re

import numpy as np
import pytest
from qc_rounds import changed, joints_of, make_round
from test_qc_run import project_of

from hint_tools.core.geometry import apply_affine
from hint_tools.media.images import encode_jpeg
from hint_tools.qc.analysis import analyse
from hint_tools.qc.config import QcConfig
from hint_tools.qc.legend import with_legend
from hint_tools.qc.page import further_pages, sections
from hint_tools.qc.person_page import distances_to_consensus, person_section
from hint_tools.qc.pictures import Pictures
from hint_tools.qc.views import VIEW_PX, Views
from hint_tools.report.page import Details, Gallery, Legend, Links, Section, Table, Text
from hint_tools.store.tables import FRAMES

CONFIG = QcConfig(bootstrap=50, report_hands=4)
ANA, BO, CY, DI, ED = range(5)


def spoilt():
    """Five answers a hand; mistakes in hands 1 to 8."""
    made = make_round(40, 5, seed=41)
    changed(made, 1, "cy", keypoints=joints_of(made, 1, "cy") + 3 * made.scale[1])
    changed(made, 2, "ana", side="left")
    changed(made, 3, "cy", keypoints=None, visibility=None, side=None, rejected=True, reject_reason="too_blurred")
    changed(made, 4, "bo", keypoints=None, visibility=None, side=None)
    slipped = joints_of(made, 5, "di").copy()
    slipped[8] += 200 * made.scale[5]
    changed(made, 5, "di", keypoints=slipped)
    for hand in (6, 7, 8):
        for name in ("ana", "bo", "cy", "di", "ed"):
            changed(made, hand, name, visibility=np.where((np.arange(21) < 5) & (name != "ana"), 1, 2))
    return made


class Round:
    """An analysed round whose pictures lie in a folder."""

    def __init__(self, folder, made):
        self.made = made
        self.project = project_of(folder, made)
        scene = np.random.default_rng(1).integers(0, 255, (15, 15, 3), dtype=np.uint8).repeat(100, 0).repeat(100, 1)
        (self.project.root / "frames/a.jpg").write_bytes(encode_jpeg(scene))
        self.analysis = analyse(made.panel(), made.by_id(), {}, CONFIG)
        self.frames = {f.frame_id: f for f in self.project.read(FRAMES)}
        apart = distances_to_consensus(self.analysis)
        self.pictures = Pictures(self.project, self.frames, made.by_id(), apart)

    def gallery(self, hand, meant=()):
        consensus = self.analysis.consensus[hand]
        return self.pictures.gallery(self.analysis.panel, hand, consensus, "c", "n", {s: () for s in meant})


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    return Round(tmp_path_factory.mktemp("pictures") / "p", spoilt())


def test_answers_share_their_photograph_and_stand_four_in_a_row(given):
    gallery = given.gallery(0, [BO])
    assert gallery.columns == 4
    assert len(gallery.figures) == 6
    assert len({f.photo.anchor for f in gallery.figures}) == 1
    assert [f.marked for f in gallery.figures] == [False, True, False, False, False, False]
    assert [f.caption for f in gallery.figures][:2] == ["ana · right", "bo · right · see\u00a0here"]
    assert min(gallery.figures[0].photo.width, gallery.figures[0].photo.height) >= 320


def test_each_picture_says_in_words_what_is_in_it(given):
    told = [f.alt for f in given.gallery(6, [ANA]).figures]
    assert told[ANA] == "hand h00006, ana: right, 0 of 21 joints hidden, 1 joint far from the consensus, framed"
    assert told[BO] == "hand h00006, bo: right, 5 of 21 joints hidden"
    assert told[-1] == "hand h00006, consensus: right, 5 of 21 joints hidden"
    assert len(set(told)) == 6


def test_an_answer_on_another_hand_is_shown_where_it_is(given):
    figures = given.gallery(1, [CY]).figures
    assert figures[CY].photo.anchor != figures[ANA].photo.anchor
    assert "wider\u00a0view" in figures[CY].caption
    assert "wider\u00a0view" not in figures[ANA].caption
    assert 'class="asked"' in figures[CY].svg
    assert 'class="asked"' not in figures[ANA].svg
    assert len(re.findall(r'<g class="off"><path class="line edge" d="M[^M]+"', figures[CY].svg)) == 1  # one for all
    assert "21 joints far from the consensus" in figures[CY].alt


def test_a_wider_view_holds_the_answer_and_the_hand_that_was_asked_for(given):
    views = Views(given.project, given.frames, given.made.by_id())
    consensus = given.analysis.consensus[1]
    usual = views.usual(consensus)
    joints = joints_of(given.made, 1, "cy")
    wide = views.around(usual, consensus, joints)
    for points in (joints, np.asarray(consensus.keypoints)):
        at = apply_affine(wide.affine, points)
        assert at.min() >= 0
        assert at.max() <= VIEW_PX - 1
    x0, y0, x1, y1 = wide.asked
    inside = apply_affine(wide.affine, np.asarray(consensus.keypoints))
    assert ((inside >= (x0 - 1, y0 - 1)) & (inside <= (x1 + 1, y1 + 1))).all()
    assert views.around(usual, consensus, joints_of(given.made, 1, "ana")) is usual
    assert views.around(usual, consensus, np.full((21, 2), np.nan)) is usual


def test_one_joint_at_the_end_of_the_world_does_not_make_the_hand_a_dot(given):
    views = Views(given.project, given.frames, given.made.by_id())
    consensus = given.analysis.consensus[5]
    usual = views.usual(consensus)
    wide = views.around(usual, consensus, joints_of(given.made, 5, "di"))
    assert usual.affine[0, 0] / wide.affine[0, 0] < 6
    far = given.gallery(5).figures[DI]
    assert far.svg.count('<g class="off">') == 1
    assert "1 joint far from the consensus" in far.alt


def test_who_rejects_a_hand_is_shown_with_the_reason(given):
    figures = given.gallery(3).figures
    assert figures[CY].caption == "cy · rejected: too blurred"
    assert "rejected: too blurred" in figures[CY].alt
    assert given.gallery(4).figures[BO].caption == "bo · no joints"
    assert 'class="hand"' not in figures[CY].svg
    assert 'class="hand"' in figures[BO].svg


def test_ellipses_lie_under_the_skeleton_and_lines_too(given):
    svg = given.gallery(1).figures[-1].svg
    assert 0 <= svg.index('class="spread"') < svg.index('class="hand"')
    svg = given.gallery(1).figures[CY].svg
    assert 0 <= svg.index('class="off"') < svg.index('class="hand"')


def test_joints_a_mistake_is_about_get_a_square_in_mistakes_and_in_the_queue(given):
    missed = [m for m in given.analysis.mistakes if m.kind == "missed-occlusion"]
    assert {(m.hand, m.joints) for m in missed} == {(h, tuple(range(5))) for h in (6, 7, 8)}
    section = next(s for s in sections(given.analysis, CONFIG, given.pictures) if s.title == "Mistakes")
    shown = [b for b in section.blocks if isinstance(b, Gallery) and b.caption.startswith("Missed occlusion")]
    assert shown
    for gallery in shown:
        squares = [re.findall(r'<g class="meant"><path class="line edge" d="([^"]+)"', f.svg) for f in gallery.figures]
        assert [sum(d.count("M") for d in found) for found in squares] == [5, 0, 0, 0, 0, 0]


def test_the_queue_marks_the_answers_its_mistakes_are_in(given):
    section = next(s for s in sections(given.analysis, CONFIG, given.pictures) if s.title.startswith("Hands to look"))
    pages = [
        section,
        *(s for _, found in further_pages(given.analysis, CONFIG, given.pictures).values() for s in found),
    ]
    marked = {
        g.figures[0].alt.split(",")[0]: [k for k, f in enumerate(g.figures) if f.marked]
        for page in pages
        for g in page.blocks
        if isinstance(g, Gallery) and g.figures
    }
    assert marked["hand h00001"] == [CY]
    assert marked["hand h00002"] == [ANA]
    assert marked["hand h00003"] == [CY]


def test_the_list_of_the_queue_comes_before_its_pictures_and_leads_to_them(given):
    section = next(s for s in sections(given.analysis, CONFIG, given.pictures) if s.title.startswith("Hands to look"))
    kinds = [b.kind for b in section.blocks]
    assert kinds[0] == "table"
    assert kinds.index("table") < kinds.index("gallery")
    anchors = {f"#{b.anchor}" for b in section.blocks if isinstance(b, Gallery)}
    targets = [row[1].target for row in section.blocks[0].rows]
    assert set(targets[: CONFIG.report_hands]) == anchors
    assert kinds[1] == kinds[-1] == "links"  # the other pages, before and after


def test_a_long_queue_folds_its_list(tmp_path):
    made = make_round(60, 3, seed=3, slips=0.05)
    long = Round(tmp_path / "p", made)
    assert len(long.analysis.queue) > 24
    section = next(s for s in sections(long.analysis, CONFIG, long.pictures) if s.title.startswith("Hands to look"))
    table, folded = section.blocks[:2]
    assert isinstance(folded, Details)
    ranks = [row[0] for t in (table, *folded.blocks) if isinstance(t, Table) for row in t.rows]
    assert ranks == list(range(1, len(long.analysis.queue) + 1))
    assert folded.summary == f"Hands 25 to {len(ranks)}"


def test_mistakes_without_a_picture_are_counted_and_where_they_are_is_said(given):
    few = CONFIG.model_copy(update={"report_hands": 1})
    section = next(s for s in sections(given.analysis, few, given.pictures) if s.title == "Mistakes")
    said = [p for b in section.blocks if isinstance(b, Text) for p in b.paragraphs]
    assert "Missed occlusion: 2 more in `mistakes.csv`." in said
    assert not [p for p in said if p.startswith("Wrong side")]  # the only one is shown
    none = CONFIG.model_copy(update={"report_hands": 0})
    section = next(s for s in sections(given.analysis, none, given.pictures) if s.title == "Mistakes")
    assert [b.kind for b in section.blocks] == ["table"]
    assert "`mistakes.csv`" in section.intro


def test_the_worst_hands_say_which_side_was_given_and_whose_answer_is_meant(given):
    profile = next(p for p in given.analysis.profiles if p.annotator == ANA)
    shown = person_section(given.analysis, profile, given.pictures)
    gallery = next(b for b in shown.blocks if isinstance(b, Gallery))
    captions = [f.caption for f in gallery.figures]
    side = next(k for k, c in enumerate(captions) if c.startswith("Left and right are confused"))
    assert captions[side] == "Left and right are confused · left · hand h00002"
    assert captions[side + 1] == "consensus · right"
    assert [f.marked for f in gallery.figures] == [True, False] * (len(captions) // 2)


def legends(page):
    return [(s.title, k) for s in page for k, b in enumerate(s.blocks) if isinstance(b, Legend)]


def test_the_legend_stands_once_on_a_page_before_its_first_photograph(given):
    pages = [
        sections(given.analysis, CONFIG, given.pictures),
        *(page for _, page in further_pages(given.analysis, CONFIG, given.pictures).values()),
    ]
    assert len(pages) > 1
    for page in pages:
        assert len(legends(page)) == 1
        blocks = [b for s in page for b in s.blocks]
        explained = next(k for k, b in enumerate(blocks) if isinstance(b, Legend))
        drawn = [k for k, b in enumerate(blocks) if isinstance(b, Gallery) and b.figures]
        assert explained < drawn[0]
        for section in page:
            if any(isinstance(b, Gallery) and b.figures for b in section.blocks):
                back = [b for b in section.blocks if isinstance(b, Links) and b.label == "Legend"]
                assert len(back) + len(legends([section])) == 1
    assert legends(with_legend([Section("s", [Text("x"), Gallery([], 4, "no picture")])])) == []


def test_the_legend_names_every_finger_and_every_mark(given):
    page = sections(given.analysis, CONFIG, given.pictures)
    legend = next(b for s in page for b in s.blocks if isinstance(b, Legend))
    assert [words for _, words in legend.entries][:5] == ["thumb", "index", "middle", "ring", "pinky"]
    samples = "".join(sample for sample, _ in legend.entries)
    for mark in ("hand", "off", "meant", "asked", "spread"):
        assert f'<g class="{mark}"' in samples
    assert 'class="ring"' in samples
    assert all(sample and words for sample, words in legend.entries)
