"""Content ids and keyed order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hint_tools.core.errors import DataError
from hint_tools.core.ids import ID_LENGTH, content_id, order_key, unit_interval


def test_an_id_is_known_forever():
    # A change here would orphan every project that exists.
    assert content_id("frame", "ego4d", "clip", 12) == "dfc1c21e69dc3f4d33d0"
    assert len(content_id("x")) == ID_LENGTH


def test_parts_are_not_run_together():
    assert content_id("k", "ab", "c") != content_id("k", "a", "bc")
    assert content_id("k", 1) == content_id("k", "1")
    assert content_id("k", 0.1 + 0.2) == content_id("k", 0.3)
    assert content_id("k", -0.0) == content_id("k", 0.0)


def test_an_id_of_nan_is_refused():
    with pytest.raises(DataError, match="finite"):
        content_id("k", float("nan"))


@given(st.lists(st.text(min_size=1), unique=True, min_size=2, max_size=30), st.text(min_size=1), st.integers(0, 9))
def test_new_items_never_reorder_old_ones(items, newcomer, seed):
    before = sorted(items, key=lambda i: order_key(seed, i))
    after = sorted({*items, newcomer}, key=lambda i: order_key(seed, i))
    assert [i for i in after if i in set(items)] == before


@given(st.integers(0, 10_000))
def test_the_unit_interval_is_one(number):
    assert 0 <= unit_interval(3, number) < 1


def test_the_unit_interval_is_uniform():
    draws = sorted(unit_interval(0, k) for k in range(4000))
    largest_gap = max(abs(d - (k + 0.5) / 4000) for k, d in enumerate(draws))
    assert largest_gap < 1.63 / 4000**0.5  # Kolmogorov-Smirnov, 1 %
