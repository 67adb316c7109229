"""Times: one clock, and what tells of no time never counts as later."""

import pytest

from hint_tools.core.times import NEVER, day, moment


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("2026-01-01T10:00:00+02:00", "2026-01-01T09:00:00Z"),
        ("2026-01-01T10:00:00Z", "2026-01-01T10:00:00.5Z"),
        ("2026-01-01T10:00:00.499999Z", "2026-01-01T10:00:00.5Z"),
        ("2025-12-31T23:00:00-02:00", "2026-01-01T01:30:00Z"),
        ("2026-01-01", "2026-01-01T00:00:01"),
        ("0001-01-01T00:00:00Z", "2026-01-01"),
    ],
)
def test_later_is_later_whatever_the_text_sorts_like(earlier, later):
    assert moment(earlier) < moment(later)


@pytest.mark.parametrize(
    "text",
    ["", "garbage", "31/12/2026", "\x1b[31m2026", "9999-99-99T", "<b>2026-01</b>", "2026-13-01T00:00:00Z",
     "9999-12-31T23:59:59-10:00", "0001-01-01T00:00:00+10:00"],
)  # fmt: skip
def test_what_tells_of_no_time_is_before_all(text):
    assert moment(text) == NEVER < moment("0001-01-01T00:00:01Z")
    assert day(text) == ""


def test_a_day_is_that_of_utc():
    assert day("2026-01-01T01:00:00+02:00") == "2025-12-31"
    assert day("2026-01-31") == "2026-01-31"
