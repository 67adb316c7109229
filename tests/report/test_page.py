import base64
import re
from html.parser import HTMLParser
from itertools import pairwise

import cv2
import numpy as np
import pytest

from hint_tools.report.charts import bar_chart
from hint_tools.report.page import (
    Chart,
    Details,
    Figure,
    Gallery,
    Link,
    Links,
    Points,
    Section,
    Table,
    Text,
    render_page,
    write_report,
)

VOID = {"meta", "img", "br", "link", "input"}


class Balanced(HTMLParser):
    """Collects tags and texts; fails when an element is closed that is not open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def picture() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 255, (24, 32, 3), dtype=np.uint8)


def everything(name: str) -> str:
    chart = Chart(bar_chart([name, "b"], [1.0, 2.0], unit=name), name)
    blocks = [
        Text(name, "second"),
        Table([name, "n"], [[name, 1.25], ["x", float("nan")]], name),
        chart,
        Figure(picture(), name, name),
        Gallery([Figure(picture(), name)] * 3, 3, name),
        Links([name, Link(name, "#section-2")], name),
        Details(name, [Text(name), Table([name], [[Link(name, "#section-1")]])]),
    ]
    return render_page(name, name, {name: name}, [Section(name, blocks, name)] * 3)


def parsed(page: str) -> Balanced:
    parser = Balanced()
    parser.feed(page)
    assert parser.open == []
    return parser


def test_a_hostile_name_is_shown_as_text_everywhere():
    name = '<script>alert("x")</script><img src=x onerror=y>\'&'
    found = parsed(everything(name))
    assert not [t for t, _ in found.tags if t == "script"]
    assert not [a for t, a in found.tags if any(k.startswith("on") for k in a)]
    assert "".join(found.texts).count(name) >= 20
    assert all(a["src"].startswith("data:image/") for t, a in found.tags if t == "img")


def test_nothing_is_fetched_from_outside():
    page = everything("plain")
    links = set(re.findall(r"""(?:\ssrc=|\shref=|url\(|@import)\s*["']?([^"')\s>]+)""", page))
    assert links
    assert all(link.startswith(("data:image/", "#section-", "#contents")) for link in links)
    assert set(re.findall(r"https?://[^\s\"'<]+", page)) == {"http://www.w3.org/2000/svg"}
    assert "default-src 'none'" in page


def test_the_same_arguments_give_the_same_bytes(tmp_path):
    assert everything("a") == everything("a")
    write_report(tmp_path / "a.html", "t", "s", {"f": "1"}, [])
    write_report(tmp_path / "b.html", "t", "s", {"f": "1"}, [])
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()
    assert (tmp_path / "a.html").read_text(encoding="utf-8") == render_page("t", "s", {"f": "1"}, [])


def decode(source: str) -> tuple[str, np.ndarray]:
    head, _, data = source.partition(",")
    decoded = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)
    return head, cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB)


def test_pictures_keep_red_red_and_take_the_smaller_form():
    red = np.zeros((64, 64, 3), np.uint8)
    red[..., 0] = 230
    head, seen = decode(Figure(red).source)
    assert head == "data:image/png;base64"
    assert np.array_equal(seen, red)
    yy, xx = np.mgrid[:200, :200]
    photo = (np.stack([xx, yy, xx + yy], axis=-1) / 2 + np.random.default_rng(0).normal(0, 8, (200, 200, 3))).clip(
        0, 255
    )
    head, seen = decode(Figure(photo.astype(np.uint8)).source)
    assert head == "data:image/jpeg;base64"
    assert np.abs(seen.astype(float) - photo).mean() < 8


def test_numbers_share_their_decimals_and_missing_ones_are_dashes():
    table = Table(["joint", "distance", "n"], [["wrist", 0.0312, 1200], ["tip", float("nan"), 3], ["all", 0.1, 7]])
    assert table.numeric == (False, True, True)
    assert table.formatted == (("wrist", "0.031", "1\u202f200"), ("tip", "–", "3"), ("all", "0.100", "7"))
    assert Table(["x"], [[95.25], [3.0]]).formatted == (("95.2",), ("3.0",))
    assert Table(["x"], []).formatted == ()
    assert Table(["x"], [[np.float64(0.0)]]).formatted == (("0.0",),)


def test_a_row_of_the_wrong_length_is_refused():
    with pytest.raises(ValueError, match="expected 2 cells"):
        Table(["a", "b"], [["only one"]])


def test_number_columns_are_aligned_right():
    found = parsed(render_page("t", "", {}, [Section("s", [Table(["a", "b"], [["x", 1]])])]))
    cells = [a.get("class") for t, a in found.tags if t in ("th", "td")]
    assert cells == [None, "number", None, "number"]


def test_short_pages_have_no_contents_list():
    assert "<nav" not in render_page("t", "", {}, [Section("one", [])])
    assert parsed(everything("x")).tags.count(("a", {"href": "#section-2"})) == 4  # 3 of them are Links
    unlisted = [Section(str(k), [], listed=k < 2) for k in range(4)]
    assert "<nav" not in render_page("t", "", {}, unlisted)


def test_a_second_line_of_a_fact_and_a_gallery_caption_are_escaped_too():
    gallery = Gallery([Figure(picture())], 2, "case <b>1</b>")
    page = render_page("t", "", {"agreement": "94 %\n<i>92 to 96</i>"}, [Section("s", [gallery])])
    assert "<b>" not in page
    assert "<i>" not in page
    assert "94 %" in page
    assert '<span class="note">&lt;i&gt;92 to 96' in page


@pytest.mark.parametrize(
    "target", ["", "https://x.org/a", "//x.org", "/etc/passwd", "javascript:a", "../../a.html", "a b"]
)
def test_links_lead_nowhere_else(target):
    with pytest.raises(ValueError, match="relative"):
        Link("x", target)


@pytest.mark.parametrize("target", ["#annotator-2", "queue-2.html", "report.html#section-1", "project/qc/report.html"])
def test_links_lead_to_files_beside_the_page(target):
    assert f'<a href="{target}">x</a>' in render_page("t", "", {}, [Section("s", [Links([Link("x", target)], "l")])])


def test_headings_are_in_order_and_everything_that_scrolls_has_a_name():
    found = parsed(everything("x"))
    levels = [int(t[1]) for t, _ in found.tags if re.fullmatch(r"h[1-6]", t)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))
    assert all(a.get("aria-label") for _, a in found.tags if a.get("tabindex") == "0")
    assert all(a.get("alt") for t, a in found.tags if t == "img")
    assert next(a for t, a in found.tags if t == "html")["lang"] == "en"
    first = next(a for t, a in found.tags if t == "a")
    assert next(a for t, a in found.tags if t == "main")["id"] == first["href"].removeprefix("#")


def luminance(colour: str) -> float:
    """WCAG 2.2's relative luminance of #rrggbb."""
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


@pytest.mark.parametrize("palette", [0, 1, 2], ids=["light", "dark", "print"])
def test_words_and_lines_stand_out_from_what_is_behind_them(palette):
    style = re.findall(r":root\s*{([^}]*)}", render_page("t", "", {}, []))
    colours = dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6})", style[palette]))
    assert len(colours) == 12
    for name in colours.keys() - {"ground", "panel", "line"}:
        for behind in ("ground", "panel"):
            dark, bright = sorted(luminance(colours[k]) for k in (name, behind))
            least = 3.0 if name.startswith("series") else 4.5
            assert (bright + 0.05) / (dark + 0.05) >= least, (name, behind)


def test_commands_are_shown_as_code_and_stay_text():
    page = render_page("t", "", {}, [Section("s", [Text("run `hint <b>` now", "one ` alone")], "`a`")])
    assert "run <code>hint &lt;b&gt;</code> now" in page
    assert "one ` alone" in page
    assert "<code>a</code>" in page


WIDE = Table(["a", "b", "c", "d"], [["x", 1, 2, 3]], "Pairs are joints. " * 9)


def test_rows_are_named_by_their_first_cells():
    both = Table(["of", "joints", "pairs"], [["all", "all", 3]], named_by=2)
    found = parsed(render_page("t", "", {}, [Section("s", [both, WIDE, Table(["only"], [["x"]])])]))
    scopes = [(t, a.get("scope")) for t, a in found.tags if t in ("th", "td")]
    assert scopes[3:6] == [("th", "row"), ("th", "row"), ("td", None)]
    assert scopes.count(("th", "row")) == 3
    assert scopes[-1] == ("td", None)


def test_only_what_can_be_too_wide_stops_tab_and_its_name_is_short():
    narrow = Table(["a", "b"], [["x", 1]], "narrow")
    found = parsed(render_page("t", "", {}, [Section("s", [narrow, WIDE])]))
    assert [a["aria-label"] for _, a in found.tags if a.get("tabindex") == "0"] == ["s, table"]
    assert "".join(found.texts).count(WIDE.caption) == 1
    assert not [a for _, a in found.tags if WIDE.caption in a.values()]


def test_long_words_at_the_left_may_be_broken_and_no_others():
    table = Table(["who", "n"], [[Link("a" * 40 + "@b.example", "#x"), 1], ["period", 2], ["many short words " * 4, 3]])
    found = parsed(render_page("t", "", {}, [Section("s", [table])]))
    assert [a.get("class") for t, a in found.tags if t == "th"][2:] == ["long", None, None]


def test_cells_and_sentences_hold_lists_and_links():
    said = Points(["first `cmd`", ("see ", Link("3 <b>hands</b>", "#queue"), "; then go on.")])
    page = render_page("t", "", {}, [Section("s", [said, Table(["a", "told"], [["x", said]], stacks=True)])])
    assert page.count('<li>see <a href="#queue">3 &lt;b&gt;hands&lt;/b&gt;</a>; then go on.</li>') == 2
    assert page.count("<li>first <code>cmd</code></li>") == 2
    assert 'data-head="told"' in page
    assert 'role="rowheader"' in page


def test_a_fact_and_a_page_lead_to_where_more_is_told():
    facts = {"mistakes": Link("24\n2 more", "#mistakes")}
    page = render_page("of p", "", facts, [], Link("Back to the report", "report.html"))
    assert '<dd><a href="#mistakes">24</a><span class="note">2 more</span></dd>' in page
    assert page.index('<a href="report.html">Back to the report</a>') < page.index("<h1")
    assert "<title>of p</title>" in page
