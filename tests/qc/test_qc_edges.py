"""Rounds at the edge: very few pictures, nobody errs, one hand of somebody, and what scale and order may not change."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qc_rounds import SIGMA, answer, changed, joints_of, make_round

from hint_tools.core.records import Hand
from hint_tools.qc.agreement import OKS_CEILING
from hint_tools.qc.analysis import Analysis, analyse
from hint_tools.qc.bootstrap import Estimate, Resampler, design_effect, student, wilson
from hint_tools.qc.config import QcConfig
from hint_tools.qc.panel import build_panel
from hint_tools.qc.results import qc_json

CONFIG = QcConfig(bootstrap=100)


def analysed(made):
    return analyse(made.panel(), made.by_id(), {}, CONFIG)


def estimates(found: Analysis) -> dict[str, Estimate]:
    """Everything with an interval, by name; people and their figures by the name of the annotator."""
    names, every = found.panel.annotators, {}
    for a in found.agreement:
        every |= {f"{a.group} {a.name} {k}": e for k, e in enumerate((a.distance, a.palm, a.oks, *a.pck))}
    every |= {f"σ {c.source} {c.joint} {c.state}": c.estimate for c in (*found.sigmas.cells, *found.sigmas.by_source)}
    for p in found.profiles:
        figures = (p.error, p.identity_rate, p.sensitivity, p.specificity, p.untouched, p.seconds)
        every |= {f"{names[p.annotator]} {k}": e for k, e in enumerate(figures)}
        every |= {f"{names[p.annotator]} {b.joint} {b.direction}": b.shrunk for b in p.biases}
    every |= {f"gold {t.annotator}": t.failures for t in found.gold}
    every |= {f"repeats {r.annotator}": r.error for r in found.repeats}
    return every


def sound(found: Analysis) -> None:
    """Intervals are around their figure or absent, shares are shares, and everything can be written."""
    for name, e in estimates(found).items():
        assert math.isfinite(e.low) == math.isfinite(e.high), name
        assert not math.isfinite(e.low) or e.low <= e.value <= e.high, (name, e)
        if name.split()[-1] in ("1", "3", "4", "5") and not name.startswith("σ") and len(name.split()) > 2:
            assert not math.isfinite(e.low) or (e.low >= 0 and e.high <= 1), (name, e)
    qc_json(found, {})


@pytest.mark.parametrize("people", [1, 2, 3])
@pytest.mark.parametrize("hands", [1, 2, 10, 12])
def test_rounds_of_few_pictures_have_figures_and_no_bold_intervals(hands, people):
    found = analysed(make_round(hands, people, seed=200 + hands))
    sound(found)
    every = estimates(found)["all all joints 0"]
    assert math.isfinite(every.value) == (people > 1)
    assert math.isfinite(every.low) == (people > 1 and hands == 12)
    share = estimates(found)["all all joints 5"]
    if people > 1 and hands < 12:
        assert share.value > 0.98
        assert share.low < (share.value - 0.01 if hands == 10 else 0.2)


def test_where_nobody_errs_shares_are_one_and_not_certain():
    made = make_round(60, 3, seed=211)
    for s in made.submissions:
        object.__setattr__(s, "keypoints", made.truth[int(s.hand_id[1:])] + 0.0)
    found = analysed(made)
    sound(found)
    assert not found.queue
    every = found.agreement[0]
    assert (every.distance.value, every.distance.low, every.distance.high) == (0, 0, 0)
    assert every.palm.value == every.palm.high == 1
    assert 0.8 < every.palm.low < 1
    # nothing tells how precise people are who never differ
    assert {c.level for c in found.sigmas.cells} == {"population"}
    assert every.oks.value == pytest.approx(1 / OKS_CEILING)


def test_two_people_with_identical_answers_beside_a_third():
    made = make_round(60, 3, seed=212)
    for h in range(60):
        changed(made, h, "bo", keypoints=joints_of(made, h, "ana").copy())
    found = analysed(made)
    sound(found)
    rows = {a.name: a for a in found.agreement if a.group == "annotators"}
    assert rows["ana and bo"].distance.value == 0
    assert rows["ana and cy"].distance.value == rows["bo and cy"].distance.value > 0
    # that pair has no part in σ, and so it tells nothing of who is nearer to the truth
    assert found.sigmas.table[2].mean() == pytest.approx(SIGMA[2], rel=0.1)
    assert all(math.isnan(p.error.low) for p in found.profiles)


def test_somebody_with_one_hand():
    made = make_round(40, 2, seed=213)
    made.submissions.append(answer("h00003", "cy", made.truth[3] + 1.0, made.visibility[3], number=9))
    found = analysed(made)
    sound(found)
    profile = found.profiles[2]
    assert profile.answers == 1
    assert math.isnan(profile.error.low)
    assert profile.identity_rate.value == 0
    assert profile.identity_rate.high > 0.7


def test_two_alone_have_no_interval_of_their_own_and_three_have():
    two, three = (analysed(make_round(40, people, seed=214)).profiles for people in (2, 3))
    for p in two:
        assert all(math.isnan(v) for e in (p.error, p.sensitivity, p.specificity) for v in (e.value, e.low))
    for p in three:
        assert p.error.low < 1 < p.error.high
        assert all(math.isfinite(e.low) for e in (p.sensitivity, p.specificity))


@pytest.mark.parametrize("factor", [0.6, 0.8, 1.3])
def test_similarity_of_people_who_differ_is_the_closed_form(factor):
    """Two of three err `factor` times as much as the third: 1.25 / (1 + (f_a² + f_b²) / 8) of the ceiling."""
    made = make_round(400, 3, seed=215)
    for h in range(400):
        for name in ("ana", "bo"):
            moved = made.truth[h] + factor * (joints_of(made, h, name) - made.truth[h])
            changed(made, h, name, keypoints=moved)
    found = analysed(made)
    rows = {a.name: a.oks.value for a in found.agreement if a.group == "annotators"}
    usual = found.sigmas.table[2].mean() / SIGMA[2]
    for pair, squares in (("ana and bo", 2 * factor**2), ("ana and cy", factor**2 + 1)):
        assert rows[pair] == pytest.approx(1.25 / (1 + squares / usual**2 / 8), abs=0.012)


def test_relative_figures_do_not_change_when_all_coordinates_are_ten_times_as_large():
    small, large = make_round(30, 3, seed=216, swaps=0.05), make_round(30, 3, seed=216, swaps=0.05)
    for s in large.submissions:
        object.__setattr__(s, "keypoints", s.keypoints * 10)
    large.hands[:] = [
        Hand(hand_id=h.hand_id, frame_id=h.frame_id, side=h.side, box=np.asarray(h.box) * 10) for h in large.hands
    ]
    one, other = (estimates(analysed(m)) for m in (small, large))
    assert one.keys() == other.keys()
    for name, e in one.items():
        got = other[name]
        # medians of answers are smoothed over half a pixel, which is all that is absolute
        assert (got.value, got.low, got.high) == pytest.approx(
            (e.value, e.low, e.high), rel=2e-3, abs=2e-5, nan_ok=True
        )


@pytest.mark.parametrize("order", list(itertools.permutations(range(3)))[1:])
def test_names_of_annotators_do_not_matter(order):
    made, renamed = make_round(44, 3, seed=217, slips=0.02), make_round(44, 3, seed=217, slips=0.02)
    names = ("ana", "bo", "cy")
    other = {names[k]: names[order[k]] for k in range(3)}
    for s in renamed.submissions:
        object.__setattr__(s, "annotator", other[s.annotator])
    one, two = analysed(made), analysed(renamed)
    profiles = {two.panel.annotators[p.annotator]: p for p in two.profiles}
    for p in one.profiles:
        twin = profiles[other[one.panel.annotators[p.annotator]]]
        for mine, theirs in (
            (p.error, twin.error),
            (p.sensitivity, twin.sensitivity),
            (p.biases[3].shrunk, twin.biases[3].shrunk),
        ):
            assert (mine.value, mine.low, mine.high) == pytest.approx((theirs.value, theirs.low, theirs.high), rel=1e-6)
    for a, b in zip(one.agreement, two.agreement, strict=True):
        if a.group != "annotators":
            assert (a.oks.value, a.oks.low) == pytest.approx((b.oks.value, b.oks.low), nan_ok=True)
    assert np.allclose(one.sigmas.table, two.sigmas.table, equal_nan=True)


shares = st.lists(
    st.tuples(st.integers(0, 6), st.integers(1, 6)).map(lambda t: (min(t), t[1])), min_size=1, max_size=12
)


@settings(max_examples=150, deadline=None)
@given(shares, st.integers(0, 2**30))
def test_shares_have_intervals_around_them_that_do_not_depend_on_order(groups, seed):
    """Pictures with (hits, joints): any counts, in any order."""
    image = np.repeat(np.arange(len(groups)), [n for _, n in groups])
    values = np.concatenate([np.arange(n) < k for k, n in groups]).astype(float)
    found = Resampler(np.arange(len(groups)), 50, 0).share(values, image)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.high - found.low > 0
    order = np.random.default_rng(seed).permutation(len(values))
    again = Resampler(np.arange(len(groups)), 50, 0).share(values[order], image[order])
    assert (again.low, again.high) == pytest.approx((found.low, found.high))
    opposite = Resampler(np.arange(len(groups)), 50, 0).share(1 - values, image)
    assert (1 - opposite.high, 1 - opposite.low) == pytest.approx((found.low, found.high), abs=1e-9)


def test_the_design_effect_is_one_of_independent_joints_and_their_number_of_copies():
    rng = np.random.default_rng(0)
    values = (rng.random(6000) < 0.3).astype(float)
    alone, free = design_effect(values, np.ones(6000))
    assert alone == pytest.approx(1, abs=0.01)
    assert free > 1000
    copied, _ = design_effect(7 * values, np.full(6000, 7.0))
    assert copied == pytest.approx(7 * alone)
    # one picture of 40 holds all exceptions: its spread is known from two figures, not from 40
    lonely = np.zeros(40)
    lonely[3] = 5
    assert design_effect(lonely, np.full(40, 5.0))[1] < 3


def test_a_share_that_goes_with_the_hand_is_never_narrower_than_what_it_is_like():
    values, picture = np.ones(400), np.repeat(np.arange(20), 20)
    values[0] = 0
    like = np.where(picture % 5 == 0, 0.0, 1.0)
    resampler = Resampler(np.arange(20), 50, 0)
    narrow, wide = resampler.share(values, picture), resampler.share(values, picture, like)
    assert wide.low < narrow.low
    assert wide.value == narrow.value == 399 / 400


def test_an_interval_of_nothing_but_equal_values_is_a_point():
    found = Resampler(np.arange(20), 50, 0).mean(np.full(20, 0.3), np.arange(20))
    assert (found.low, found.value, found.high) == pytest.approx((0.3, 0.3, 0.3))
    assert math.isnan(Resampler(np.arange(3), 50, 0).mean(np.array([1.0, 2, 3]), np.arange(3)).low)
    assert wilson(0, 0).n == 0
    assert student(10) > student(100)


def test_an_empty_panel_is_a_round_too():
    sound(analyse(build_panel([], [], []), {}, {}, CONFIG))
