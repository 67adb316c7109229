"""Rounds of an easy and a hard source: nobody errs more for being given the hard hands."""

from dataclasses import replace

import numpy as np
import pytest
from qc_rounds import NAMES, answer, changed, joints_of, make_round

from hint_tools.core.records import Frame
from hint_tools.qc.analysis import Beside, analyse
from hint_tools.qc.bias import hand_axes
from hint_tools.qc.config import QcConfig
from hint_tools.qc.panel import build_panel

CONFIG = QcConfig(bootstrap=100)
HARDER = 2.0


def two_sources(seed, *, apart):
    """400 hands, every other picture of a source on which all err twice as much.

    Where `apart`, each source has three people of its own.
    """
    made = make_round(400, 3, seed=seed)
    frames = [
        Frame(
            frame_id=f"f{i:05d}", source="epick" if i % 2 else "ego4d", video="v", clip=f"c{i}", width_px=4000,
            height_px=4000, path="a.jpg", sha256="", pixel_sha256="", origin="",
        )
        for i in range(200)
    ]  # fmt: skip
    for h in range(400):
        hard = (h // 2) % 2 == 1
        for name in NAMES[:3]:
            if hard:
                moved = made.truth[h] + HARDER * (joints_of(made, h, name) - made.truth[h])
                changed(made, h, name, keypoints=moved)
            if hard and apart:
                changed(made, h, name, annotator=f"{name} of epick")
    return made, frames


def analysed(made, frames, **more):
    panel = build_panel(made.submissions, made.hands, frames)
    return analyse(panel, made.by_id(), {}, CONFIG, Beside(frames={f.frame_id: f for f in frames}, **more))


@pytest.mark.parametrize("apart", [False, True])
def test_who_is_given_the_hard_source_errs_no_more_than_others(apart):
    found = analysed(*two_sources(230, apart=apart))
    for profile in found.profiles:
        assert profile.error.value == pytest.approx(1, abs=0.08)
        assert profile.error.low < 1 < profile.error.high
    for a in found.agreement:
        if a.group == "source":
            assert a.oks.value == pytest.approx(1, abs=0.04)


def test_the_ellipses_of_a_hard_source_are_as_large_as_its_errors():
    made, frames = two_sources(231, apart=True)
    found = analysed(made, frames)
    error = np.array([c.keypoints for c in found.consensus]) - made.truth
    covariance = np.array([c.covariance for c in found.consensus])
    squared = np.einsum("hjx,hjxy,hjy->hj", error, np.linalg.inv(covariance), error)
    hard = (np.arange(400) // 2) % 2 == 1
    for chosen in (hard, ~hard):
        assert (squared[chosen] < 5.991).mean() == pytest.approx(0.94, abs=0.025)


def test_repeats_of_hard_hands_are_held_against_hard_hands():
    made, frames = two_sources(232, apart=False)
    rng = np.random.default_rng(0)
    pairs = []
    for h in range(400):
        if (h // 2) % 2 == 1:
            first = next(s for s in made.submissions if s.hand_id == f"h{h:05d}" and s.annotator == "ana")
            sigma = HARDER * np.where(made.visibility[h] == 1, 0.036, 0.018)[:, None] * made.scale[h]
            again = replace(
                first, submission_id=f"{h}-again", keypoints=made.truth[h] + rng.normal(size=(21, 2)) * sigma
            )
            pairs.append((first, again))
    (ana,) = analysed(made, frames, repeats=pairs).repeats
    assert ana.error.value == pytest.approx(1, abs=0.06)
    assert ana.hands == 200


def test_a_rejected_answer_is_no_repeat_and_hands_are_counted_once():
    made = make_round(20, 2, seed=233)
    first = [s for s in made.submissions if s.annotator == "ana"]
    rejected = [replace(s, rejected=True, reject_reason="blurred", keypoints=s.keypoints + 500) for s in first[:5]]
    pairs = [*zip(first[:5], rejected, strict=True), *zip(first[5:15], first[5:15], strict=True)]
    pairs += [(s, answer(s.hand_id, "ana", s.keypoints + 1, s.visibility, number=77)) for s in first[5:15]]
    (ana,) = analysed(made, [], repeats=pairs).repeats
    assert ana.hands == 10
    assert ana.error.value < 2


@pytest.mark.parametrize("missing", [(17,), (5,), (5, 17)])
def test_the_thumbs_side_is_known_without_an_outer_knuckle(missing):
    made = make_round(50, 2, seed=234)
    whole, partly = made.truth, made.truth.copy()
    partly[:, missing] = np.nan
    assert np.allclose(hand_axes(whole)[1], hand_axes(partly)[1])


def test_without_knuckles_nobody_says_which_side_is_the_thumbs():
    joints = make_round(3, 2, seed=235).truth
    joints[:, [13, 17]] = np.nan
    along, across = hand_axes(joints)
    assert np.isfinite(along).all()
    assert np.isnan(across).all()


def test_whole_pixels_without_pre_labels_are_no_sign_of_one():
    """Hands of 24 to 80 px, answered to the pixel: pairs on the very same one count, or people look careless."""
    made = make_round(600, 3, seed=236)
    small = 24 / made.scale.min()
    for i, s in enumerate(made.submissions):
        made.submissions[i] = replace(s, keypoints=np.rint(s.keypoints * small))
    panel = made.panel()
    found = analyse(panel, made.by_id(), {}, CONFIG)
    visible = found.sigmas.table[2]
    rounding = 1 / np.sqrt(12) / np.median(found.sizes.scale)
    assert np.median(visible) == pytest.approx(np.hypot(0.018, rounding), rel=0.05)
