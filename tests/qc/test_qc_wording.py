"""Figures as words: one style, no noise, lines broken only where they may be."""

import math

import pytest

from hint_tools.qc.bootstrap import Estimate
from hint_tools.qc.wording import in_words, listed, percent, signed, span, spoken, times, with_interval

KNOWN, BARE = Estimate(0.92, 0.834, 0.963, 9), Estimate(0.92, math.nan, math.nan, 2)


def test_a_figure_keeps_its_interval_in_one_piece():
    assert with_interval(KNOWN, 1, 100) == "92.0 (83.4\u00a0to\u00a096.3)"
    assert in_words(KNOWN, 1, 100, " %") == "92.0 % (95 %: 83.4 to 96.3)"
    assert in_words(BARE, 1, 100, " %") == "92.0 %"
    assert in_words(Estimate(math.nan, math.nan, math.nan, 0), 1) == "–"


@pytest.mark.parametrize(
    ("values", "said"),
    [([118.4, 28.8], "28.8 to 118.4"), ([48.0, 48.04], "48.0"), ([0.0, 0.0], "0.0"), ([], "–"), ([math.nan], "–")],
)
def test_a_range_has_the_decimals_of_its_figures_and_two_ends_only_where_they_differ(values, said):
    assert span(values, 1) == said


def test_numbers_and_lists_read_as_one_says_them():
    assert [times(n) for n in (1, 2, 3)] == ["once", "twice", "3 times"]
    assert listed(["thumb"]) == "thumb"
    assert listed(["thumb", "middle", "ring"]) == "thumb, middle and ring"
    assert listed([]) == ""
    assert (signed(-0.017, 3), signed(0.017, 3)) == ("−0.017", "+0.017")
    assert percent(0.573) == "57 %"
    assert spoken(15) == "ring dip"
