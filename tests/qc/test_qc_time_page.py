"""What the report says of time: who is drawn is said, and nothing is drawn where nobody can be compared."""

import re
from dataclasses import replace

import numpy as np
import pytest
from qc_rounds import changed, joints_of, make_round

from hint_tools.qc.analysis import analyse
from hint_tools.qc.config import QcConfig
from hint_tools.qc.drift import Change
from hint_tools.qc.time_page import person_over_time, time_section
from hint_tools.report.page import Chart, Details, Text

CONFIG = QcConfig(bootstrap=60)


def over_days(hands, people, seed, days=3):
    made = make_round(hands, people, seed=seed)
    index = {h.hand_id: k for k, h in enumerate(made.hands)}
    for s in made.submissions:
        object.__setattr__(s, "updated_at", f"2026-03-{1 + index[s.hand_id] * days // hands:02d}T10:00:00Z")
    return made


def analysed(made):
    return analyse(made.panel(), made.by_id(), {}, CONFIG)


def legend(chart):
    return re.findall(r'<text class="strong"[^>]*>([^<]*)<', chart.svg)


@pytest.fixture(scope="module")
def eight():
    """Eight people, three a hand; the fourth errs most."""
    made = over_days(96, 3, 3)
    rng = np.random.default_rng(0)
    for k, answer in enumerate(made.submissions):
        who = f"p{(k % 3 + k // 3) % 8}"
        object.__setattr__(answer, "annotator", who)
        if who == "p3":
            away = 0.03 * made.scale[k // 3] * rng.normal(size=(21, 2))
            object.__setattr__(answer, "keypoints", answer.keypoints + away)
    return analysed(made)


def test_of_many_people_those_who_stand_out_are_drawn_and_that_is_said(eight):
    (section,) = time_section(eight)
    chart = next(b for b in section.blocks if isinstance(b, Chart))
    assert len(legend(chart)) == 6
    assert "p3" in legend(chart)
    assert "6 of 8 annotators" in chart.caption
    missing = next(k for k, name in enumerate(eight.panel.annotators) if name not in legend(chart))
    sure = replace(eight, changes=(Change(missing, "2026-03-02", 1.0, 1.5, 2.0),))
    (section,) = time_section(sure)
    chart = next(b for b in section.blocks if isinstance(b, Chart))
    assert eight.panel.annotators[missing] in legend(chart)  # whose error changed is always among them
    assert next(b for b in section.blocks if isinstance(b, Text)).paragraphs[0].startswith(f"p{missing}: 1.00 σ")


def test_periods_are_dates_and_their_figures_are_folded_away(eight):
    (section,) = time_section(eight)
    chart = next(b for b in section.blocks if isinstance(b, Chart))
    assert all(f">2026-03-0{k}<" in chart.svg for k in (1, 2, 3))
    (table,) = next(b for b in section.blocks if isinstance(b, Details)).blocks
    assert [row[0] for row in table.rows] == ["2026-03-01", "2026-03-02", "2026-03-03"]
    (own,) = person_over_time(eight, 3)
    assert legend(own) == ["p3", "all"]


def test_nothing_is_said_of_time_where_nobody_can_be_compared():
    alone = analysed(over_days(24, 1, 4))
    assert len(alone.periods) == 3
    assert time_section(alone) == []
    assert person_over_time(alone, 0) == []
    assert time_section(analysed(over_days(24, 3, 4, days=1))) == []


def test_of_two_people_only_their_distance_is_drawn():
    made = over_days(60, 2, 5)
    changed(made, 3, "bo", keypoints=joints_of(made, 3, "bo") + 0.02 * made.scale[3])
    pair = analysed(made)
    (section,) = time_section(pair)
    assert legend(next(b for b in section.blocks if isinstance(b, Chart))) == ["all"]
    assert person_over_time(pair, 0) == []
