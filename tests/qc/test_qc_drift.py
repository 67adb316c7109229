"""Changes of an annotator's error: which are told, of whom, since when; and where a hand belongs in time."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from qc_rounds import changed, make_round

from hint_tools.qc.drift import find_changes
from hint_tools.qc.panel import ABSENT, build_pairs

PICTURES = 36
"""One a day."""


def day_of(picture):
    return (date(2026, 5, 1) + timedelta(days=picture)).isoformat()


def changes(people, after, noise):
    """What is told where all pairs are 1 σ apart, after half of the pictures `after`, by turns `noise` more or less."""
    made = make_round(2 * PICTURES, people, seed=310)
    made.submissions[:] = [replace(s, updated_at=day_of(int(s.hand_id[1:]) // 2)) for s in made.submissions]
    panel = made.panel()
    pairs = build_pairs(panel)
    picture = pairs.hand // 2
    value = np.where(picture < PICTURES // 2, 1.0, after) + noise * np.where(picture % 2, -1, 1)
    return find_changes(panel, pairs, np.repeat(value[:, None] ** 2, 21, axis=1))


def test_a_change_is_dated_by_the_first_day_of_the_new_error():
    found = changes(2, after=1.5, noise=0.0)
    assert {c.since for c in found} == {day_of(PICTURES // 2)}
    assert [(c.before, c.after) for c in found] == [pytest.approx((1.0, 1.5))] * 2


def test_the_more_people_the_clearer_a_change_must_be():
    """D is 1.79 here: one false alarm in 100 rounds is at 1.73 of two people, at 1.86 of five (Kolmogorov's law)."""
    told = changes(2, after=1.4, noise=0.27)
    assert [c.statistic for c in told] == [pytest.approx(1.79, abs=0.01)] * 2
    assert not changes(5, after=1.4, noise=0.27)


@pytest.mark.parametrize(("after", "told"), [(1.1, 0), (0.9, 0), (1.2, 2), (0.8, 2)])
def test_a_small_change_is_not_worth_a_word_however_certain(after, told):
    assert len(changes(2, after, noise=0.001)) == told


def test_a_hand_is_of_the_day_of_its_last_answer():
    made = make_round(3, 2, seed=311)
    days = {0: ("2026-03-01", "2026-03-02"), 1: ("2026-03-03", "2026-03-01"), 2: ("", "2026-03-02")}
    for hand, given in days.items():
        for name, day in zip(("ana", "bo"), given, strict=True):
            changed(made, hand, name, updated_at=day)
    panel = made.panel()
    assert panel.periods == ("2026-03-02", "2026-03-03")
    assert panel.period.tolist() == [0, 1, 0]
    changed(made, 2, "bo", updated_at="")
    assert made.panel().period.tolist() == [0, 1, ABSENT]
