import re
import xml.etree.ElementTree as ET
from itertools import pairwise

import numpy as np
import pytest

from hint_tools.report.charts import bar_chart, grouped_bar_chart, histogram, line_chart

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
