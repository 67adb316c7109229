"""Intervals of whole rounds are as wide as their figures spread, and what is said heeds them."""

from math import isfinite

import numpy as np
import pytest
from qc_rounds import NAMES, changed, joints_of, make_round
from test_qc_shift_witnesses import begun_from

from hint_tools.qc.analysis import analyse
from hint_tools.qc.bootstrap import wilson
from hint_tools.qc.config import QcConfig
from hint_tools.qc.profiles import stamp_findings

CONFIG = QcConfig(bootstrap=200)


def analysed(made, predictions=None):
    return analyse(made.panel(), made.by_id(), predictions or {}, CONFIG)


def test_oks_of_ceiling_is_surer_than_if_sigma_were_given():
    """σ is of the same hands, some hard and some easy: where they are hard both grow, and OKS stays."""
    values, widths = [], []
    for seed in range(24):
        made = make_round(40, 2, seed=360 + seed)
        factor = np.random.default_rng(seed).lognormal(0, 0.5, 40)
        for h in range(40):
            for name in NAMES[:2]:
                changed(made, h, name, keypoints=made.truth[h] + factor[h] * (joints_of(made, h, name) - made.truth[h]))
        found = analysed(made).agreement[0].oks
        values.append(found.value)
        widths.append(found.high - found.low)
    assert np.mean(widths) / 3.92 == pytest.approx(np.std(values), rel=0.4)


def test_who_forgets_to_look_at_whole_hands_has_a_sensitivity_known_from_few_of_them():
    made = make_round(60, 3, seed=390)
    for h in range(0, 60, 5):
        changed(made, h, "cy", visibility=np.full(21, 2))
    found = analysed(made).profiles[2].sensitivity
    joints = wilson(round(found.value * found.n), found.n)
    assert found.value == pytest.approx(0.8, abs=0.06)
    assert found.low < 0.8 < found.high
    assert found.high - found.low > 1.8 * (joints.high - joints.low)


@pytest.mark.parametrize(("stamped", "told"), [(7, False), (12, True)])
def test_who_leaves_pre_labels_untouched_is_named_where_it_is_most_of_them_beyond_doubt(stamped, told):
    """Of 12 in 12 pictures: 58 % are no proof, all are."""
    made = make_round(24, 1, seed=391)
    made.submissions[:] = made.submissions[::2]
    made.hands[:] = made.hands[::2]
    labels = begun_from(made, made.truth)
    for h in range(2 * stamped):
        if h % 2 == 0:
            changed(made, h, "ana", keypoints=made.truth[h])
    panel = made.panel()
    found = analysed(made, labels)
    (profile,) = found.profiles
    assert profile.untouched.n == 12
    assert profile.untouched.value == pytest.approx(stamped / 12)
    assert isfinite(profile.untouched.low)
    assert [f.subjects for f in stamp_findings(panel, found.profiles)] == ([("ana",)] if told else [])
