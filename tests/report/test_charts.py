import re
import xml.etree.ElementTree as ET
from itertools import pairwise

import numpy as np
import pytest

from hint_tools.report.charts import bar_chart, grouped_bar_chart, histogram, line_chart
from hint_tools.report.hand_map import hand_map
from hint_tools.report.matrix_chart import matrix_chart
from hint_tools.report.period_chart import period_chart

SVG = "{http://www.w3.org/2000/svg}"


def drawn(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314  (our own drawing)


def bars(svg: str) -> list[dict[str, str]]:
    return [r.attrib for r in drawn(svg).iter(f"{SVG}rect")]


def test_bar_lengths_are_proportional_to_values():
    widths = [float(b["width"]) for b in bars(bar_chart(["a", "b", "c"], [1.0, 2.0, 4.0]))]
    assert widths[1] / widths[0] == pytest.approx(2, rel=0.01)
    assert widths[2] / widths[0] == pytest.approx(4, rel=0.01)


def test_whisker_ends_lie_where_the_axis_says():
    svg = bar_chart(["a", "b"], [2.0, 4.0], errors=[(1.0, 3.0), (4.0, 4.0)])
    one, two = bars(svg)
    px_per_unit = float(two["width"]) / 4
    whisker = next(p.attrib["d"] for p in drawn(svg).iter(f"{SVG}path"))
    low, high = re.match(r"M([\d.]+) [\d.]+H([\d.]+)", whisker).groups()
    assert float(low) == pytest.approx(float(one["x"]) + px_per_unit, abs=0.2)
    assert float(high) == pytest.approx(float(one["x"]) + 3 * px_per_unit, abs=0.2)


def test_missing_values_leave_a_gap_but_keep_their_label():
    svg = bar_chart(["seen", "gap"], [1.0, float("nan")], errors=[(0.5, 1.5), (float("nan"), float("nan"))])
    assert len(bars(svg)) == 1
    assert "gap" in svg
    assert "nan" not in svg.lower()


@pytest.mark.parametrize("values", [[], [0.0, 0.0], [-3.0, 2.0], [1e-7, 3e-7], [12345.0, 2e6], [float("nan")] * 2])
def test_charts_of_odd_values_are_well_formed(values):
    for svg in (
        bar_chart([str(v) for v in values], values, unit="px"),
        histogram(values, unit="px"),
        line_chart({"a": [(float(i), v) for i, v in enumerate(values)]}, x_unit="x", y_unit="y"),
    ):
        numbers = [
            float(n) for e in drawn(svg).iter() for k, n in e.attrib.items() if k in ("x", "y", "width", "height")
        ]
        assert all(np.isfinite(numbers))
        assert all(
            n >= 0
            for e in drawn(svg).iter(f"{SVG}rect")
            for k, n in e.attrib.items()
            if k in ("width", "height")
            for n in [float(n)]
        )


def test_every_chart_tells_screen_readers_what_it_shows():
    root = drawn(bar_chart(["wrist"], [0.25], unit="of the palm", title="Spread"))
    ids = root.attrib["aria-labelledby"].split()
    texts = {e.attrib["id"]: e.text for e in root if "id" in e.attrib}
    assert [texts[i] for i in ids] == ["Spread", "wrist: 0.25 of the palm"]


def test_labels_are_escaped():
    for svg in (
        bar_chart(["<b>&"], [1.0], unit="<i>"),
        line_chart({"<b>&": [(0, 0), (1, 1)]}, x_unit="<i>"),
        histogram([1.0], unit="<i>"),
    ):
        assert "<b>" not in svg
        assert "<i>" not in svg
        drawn(svg)


def test_lines_are_interrupted_where_a_point_is_missing():
    svg = line_chart({"a": [(0, 0), (1, 1), (2, float("nan")), (3, 1), (4, 0)]})
    path = next(p.attrib["d"] for p in drawn(svg).iter(f"{SVG}path"))
    assert path.count("M") == 2
    assert path.count("L") == 2


def test_histogram_counts_every_finite_value_once():
    values = [*np.random.default_rng(0).normal(size=500).tolist(), float("nan"), 99.0]
    heights = [float(b["height"]) for b in bars(histogram(values, bins=8, limits=(-2, 2)))]
    counts, _ = np.histogram(np.clip([v for v in values if np.isfinite(v)], -2, 2), bins=8, range=(-2, 2))
    assert np.allclose(np.array(heights) / sum(heights), counts / counts.sum(), atol=0.002)


def test_ticks_are_round_numbers_and_few():
    texts = [t.text for t in drawn(line_chart({"a": [(0, 0), (0.73, 0.0314)]})).iter(f"{SVG}text")]
    assert {"0", "0.2", "0.4", "0.6", "0.8", "0.01", "0.02", "0.03"} <= set(texts)


def test_lengths_must_match():
    with pytest.raises(ValueError, match="as many values"):
        bar_chart(["a"], [1.0, 2.0])
    with pytest.raises(ValueError, match="bins"):
        histogram([1.0], bins=0)


def test_grouped_bars_stand_apart_on_one_axis_and_have_a_legend():
    svg = grouped_bar_chart(["a", "b"], {"seen": [1.0, 2.0], "hidden": [2.0, float("nan")]})
    drawn_bars = [b for b in bars(svg) if b["width"] != "14"]
    assert [float(b["width"]) / float(drawn_bars[0]["width"]) for b in drawn_bars] == pytest.approx([1, 2, 2], rel=0.01)
    tops = sorted(float(b["y"]) for b in drawn_bars)
    assert all(b - a >= float(drawn_bars[0]["height"]) for a, b in pairwise(tops))
    texts = [t.text for t in drawn(svg).iter(f"{SVG}text")]
    assert {"seen", "hidden"} <= set(texts)
    with pytest.raises(ValueError, match="hidden"):
        grouped_bar_chart(["a"], {"seen": [1.0], "hidden": []})


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([0.03, 0.0789], ["0.0300", "0.0789"]),
        ([15.0, 3.0, 0.0], ["15", "3", "0"]),
        ([99.5, 5.25], ["99.5", "5.2"]),
        ([1e4, 0.5], ["10,000", "0"]),
    ],
)
def test_figures_of_one_chart_share_their_decimals(values, shown):
    root = drawn(bar_chart(["" for _ in values], values))
    texts = [t.text for t in root.iter(f"{SVG}text")]
    assert [t for t in texts if t in shown and t is not None][-len(shown) :] == shown


def test_a_line_is_told_by_its_ends_and_extremes():
    svg = line_chart({"all": [(0, 5.0), (0.1, 2.0), (0.2, 90.25), (0.3, float("nan"))], "none": []})
    told = drawn(svg).find(f"{SVG}desc").text
    assert told == "all: 5 at 0, 90.2 at 0.2; lowest 2, highest 90.2; 3 points; none: no points"


DAYS = ["2026-03-01", "2026-03-04", "2026-03-09"]


def test_periods_are_points_with_whiskers_under_their_dates():
    figures = {
        "ana": [(1.0, 0.5, 2.0), (float("nan"),) * 3, (1.5, float("nan"), float("nan"))],
        "bo": [(1.0, 0.9, 1.1)] * 3,
    }
    root = drawn(period_chart(DAYS, figures, x_unit="first day"))
    paths = [p.attrib for p in root.iter(f"{SVG}path")]
    marks = [re.match(r"M([\d.]+) ([\d.]+)(.*)", p["d"]).groups() for p in paths if p["class"] == "mark"]
    shapes = [shape for *_, shape in marks]
    assert shapes[0] != shapes[3]
    assert shapes == [shapes[0]] * 3 + [shapes[3]] * 4  # in the legend, and on each figure that is known
    whiskers = [re.findall(r"M([\d.]+) ([\d.]+)V([\d.]+)", p["d"]) for p in paths if p["class"] == "series"]
    ((x, low, high),) = whiskers[0]
    up = float(marks[1][1])
    assert x == marks[1][0]
    assert (float(low) - up) / (up - float(high)) == pytest.approx(0.5 / 1.0, abs=0.01)  # 0.5 below and 1 above
    assert len(whiskers[1]) == 3
    assert float(marks[1][0]) < float(marks[4][0])  # side by side, not on top of each other
    texts = [t.text for t in root.iter(f"{SVG}text")]
    assert [t for t in texts if t in DAYS] == DAYS
    told = root.find(f"{SVG}desc").text
    assert "ana, 2026-03-01: 1 (0.5 to 2); ana, 2026-03-09: 1.5; bo" in told


def test_dates_are_left_out_where_there_is_no_room_and_figures_are_counted():
    many = [f"2026-03-{k:02d}" for k in range(1, 13)]
    texts = [t.text for t in drawn(period_chart(many, {"<a>": [(1.0, 1.0, 1.0)] * 12})).iter(f"{SVG}text")]
    assert [t for t in texts if t in many] == many[::2]
    with pytest.raises(ValueError, match="each of 12 periods, got 1"):
        period_chart(many, {"a": [(1.0, 1.0, 1.0)]})


def test_a_hand_without_a_name_is_told_without_one():
    told = drawn(hand_map({"": np.full(21, 0.117)}, unit="part")).find(f"{SVG}desc").text
    assert told.startswith("part. wrist: 0.117; ")


@pytest.mark.parametrize("name", ["user_" + "0" * 60, "李小明" * 20], ids=["figures", "wide"])
def test_a_long_name_ends_before_the_first_cell_of_its_row(name):
    root = drawn(matrix_chart(["a", name], np.array([[np.nan, 1.0], [1.0, np.nan]])))
    shown = next(t.text for t in root.iter(f"{SVG}text") if (t.text or "").startswith("2  "))
    cell = min(float(r.attrib["x"]) for r in root.iter(f"{SVG}rect"))
    wide = 12.0 if name.startswith("李") else 7.64  # px of a figure in DejaVu Sans, the widest usual font
    assert 8 + wide * len(shown) <= cell
    assert shown.endswith("…")
