"""A page in a real browser: every control is reached with the keyboard, and seen to be; no network is asked."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from devtools import CHROMIUM, Tab, browser
from markupsafe import Markup

from hint_tools.report.charts import bar_chart
from hint_tools.report.page import (
    Chart,
    Details,
    Figure,
    Gallery,
    Link,
    Links,
    Overlay,
    Points,
    Section,
    Table,
    Text,
    write_report,
)
from hint_tools.report.photo import encoded

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no chromium to look with")]

HOSTILE = """<script>document.title='owned'</script><img src=x onerror="document.title='owned'">"""
PICTURE = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
ACTIVE = "(e => [e.tagName, e.getAttribute('href') || e.className || e.id])(document.activeElement)"
SEEN = """(e => {
  const s = getComputedStyle(e), r = e.getBoundingClientRect();
  const outlined = s.outlineStyle != 'none' && parseFloat(s.outlineWidth) >= 2;
  return outlined && r.bottom > 0 && r.top < innerHeight && r.left >= -1;
})(document.activeElement)"""
REACHABLE = (
    "[...document.querySelectorAll('a[href], summary, [tabindex=\"0\"]')].filter(e => e.checkVisibility()).length"
)


def write(folder: Path) -> Path:
    wide = Table([f"column {k}" for k in range(12)], [[HOSTILE, *range(11)]] * 3, "wide")
    blocks = [
        Text(HOSTILE),
        wide,
        Chart(bar_chart([HOSTILE, "b"], [1.0, 2.0], title="c"), "c"),
        Gallery([Figure(PICTURE, HOSTILE)] * 4, 4, "case"),
        Points([HOSTILE], "points"),
        Details("more", [Table(["a"], [["folded"]], "folded")]),
        Links(["1", Link("2", "second.html")], "pages"),
    ]
    sections = [Section(name, blocks if k == 0 else [Text("x" * 4000)], "") for k, name in enumerate("abc")]
    write_report(folder / "first.html", HOSTILE, HOSTILE, {HOSTILE: "1\n2"}, sections)
    write_report(folder / "second.html", "second", "", {}, [])
    return folder / "first.html"


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 1400])
def test_the_keyboard_reaches_everything_and_shows_where_it_is(
    tab: Tab, tmp_path: Path, width: int, dark: bool
) -> None:
    tab.show(width, 800, dark)
    tab.open(write(tmp_path).as_uri())
    assert tab.run("document.documentElement.scrollWidth") <= width
    tab.run("document.documentElement.style.scrollBehavior = 'auto'")
    count = tab.run(REACHABLE)
    met = []
    while len(met) < count:
        tab.press("Tab")
        met.append(tuple(tab.run(ACTIVE)))
        assert tab.run(SEEN), met[-1]
        if met[-1][0] == "SUMMARY" and not tab.run("document.activeElement.parentElement.open"):
            tab.press("Enter")
            assert tab.run("document.activeElement.parentElement.open")
            count = tab.run(REACHABLE)
    assert met[0] == ("A", "#contents")
    assert met[1:4] == [("A", f"#section-{k}") for k in (1, 2, 3)]
    kinds = [kind for kind, _ in met]
    assert kinds.index("DIV") > 3
    assert "SUMMARY" in kinds
    assert met[-1] == ("A", "second.html")


def test_links_are_followed_with_enter(tab: Tab, tmp_path: Path) -> None:
    tab.show(1400, 800)
    tab.open(write(tmp_path).as_uri())
    tab.press("Tab")
    tab.press("Enter")
    assert tab.run("document.activeElement.id") == "contents"
    tab.press("Tab")
    assert tab.run(ACTIVE)[0] == "DIV"  # behind the list of contents
    tab.run("[...document.querySelectorAll('.links a')][0].focus()")
    tab.press("Enter")
    tab.until(lambda: tab.run("document.title") == "second")


def test_no_name_becomes_markup_and_no_network_is_asked(tab: Tab, tmp_path: Path) -> None:
    tab.requests.clear()
    tab.console.clear()
    page = write(tmp_path)
    tab.show(1400, 800)
    tab.open(page.as_uri())
    assert tab.run("document.title") == HOSTILE
    assert tab.run("document.scripts.length") == 0
    assert tab.run("[...document.images].every(i => i.src.startsWith('data:image/'))")
    outside = [r for r in tab.requests if not r.startswith(("data:", "about:", page.as_uri()))]
    assert outside == []
    assert tab.console == []


def test_a_dark_page_is_printed_dark_on_white_with_everything_unfolded(tab: Tab, tmp_path: Path) -> None:
    tab.show(1400, 800, dark=True, media="print")
    tab.open(write(tmp_path).as_uri())
    assert tab.run("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    assert tab.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    folded = "[...document.querySelectorAll('td')].find(e => e.innerText == 'folded' || e.textContent == 'folded')"
    assert tab.run(f"{folded}.getBoundingClientRect().height") > 0
    assert tab.run("getComputedStyle(document.querySelector('.contents')).display") == "none"


def test_a_table_of_ten_columns_fits_on_paper(tab: Tab, tmp_path: Path) -> None:
    head = ["of", "joints", "pairs", "distance", "95 %", "≤ 0.05, %", "≤ 0.10, %", "≤ 0.15, %", "≤ ¼ palm, %", "OKS, %"]
    row = ["source", "both visible", 3387, 0.081, "0.076\u00a0to\u00a00.087", 44.4, 79.5, 89.4, 94.1, 98]
    write_report(tmp_path / "page.html", "t", "", {}, [Section("s", [Table(head, [row], "caption")])])
    tab.show(718, 1000, media="print")  # A4 less Chromium's own margins, at 96 px an inch
    tab.open((tmp_path / "page.html").as_uri())
    assert tab.run("document.querySelector('table').getBoundingClientRect().right") <= 718


@pytest.mark.parametrize("media", ["screen", "print"])
def test_a_photograph_held_once_is_seen_under_every_drawing(tab: Tab, tmp_path: Path, media: str) -> None:
    red = np.zeros((64, 64, 3), np.uint8)
    red[..., 0] = 230
    dot = Markup('<circle cx="32" cy="32" r="8" fill="#0000ff"/>')
    overlays = [Overlay(encoded(red), dot, "c", "a", marked=k == 1) for k in range(3)]
    write_report(tmp_path / "page.html", "t", "", {}, [Section("s", [Gallery(overlays, 3)])])
    tab.show(1000, 700, media=media)
    tab.console.clear()
    tab.open((tmp_path / "page.html").as_uri())
    tab.shoot(tmp_path / "page.png")
    seen = cv2.imread(str(tmp_path / "page.png"))[..., ::-1]
    places = tab.run(
        "[...document.querySelectorAll('.photo')].map(e => (r => [r.x, r.y, r.width])(e.getBoundingClientRect()))"
    )
    assert len(places) == 3
    for x, y, width in places:
        assert np.abs(seen[int(y + width / 5), int(x + width / 5)].astype(int) - (230, 0, 0)).max() < 20
        assert np.abs(seen[int(y + width / 2), int(x + width / 2)].astype(int) - (0, 0, 255)).max() < 20
    assert tab.run("[...document.querySelectorAll('.photo')].map(e => getComputedStyle(e).outlineStyle)") == [
        "none",
        "solid",
        "none",
    ]
    assert tab.console == []


def test_sentences_are_stacked_on_a_telephone_and_stand_side_by_side_elsewhere(tab: Tab, tmp_path: Path) -> None:
    table = Table(["who", "n", "told"], [["m" * 60, 1, Points(["x " * 60])]] * 2, stacks=True)
    write_report(tmp_path / "page.html", "t", "", {}, [Section("s", [table])])
    tops = "[...document.querySelectorAll('tbody tr:first-child > *')].map(e => e.getBoundingClientRect().top)"
    tab.show(390, 800)
    tab.open((tmp_path / "page.html").as_uri())
    assert tab.run("document.documentElement.scrollWidth") <= 390
    assert len(set(tab.run(tops))) == 3
    tab.show(1400, 800)
    assert len(set(tab.run(tops))) == 1
    assert tab.run("document.querySelector('tbody th').getBoundingClientRect().width") <= 14 * 16


@pytest.mark.parametrize("width", [718, 1400])
def test_short_words_at_the_left_are_never_torn(tab: Tab, tmp_path: Path, width: int) -> None:
    head = ["of", *(f"figure number {k}" for k in range(9))]
    rows = [["period", *["0.94\u00a0(0.87\u00a0to\u00a01.01)"] * 9]] * 2
    write_report(tmp_path / "page.html", "t", "", {}, [Section("s", [Table(head, rows)])])
    tab.show(width, 1000, media="print")
    tab.open((tmp_path / "page.html").as_uri())
    line = "parseFloat(getComputedStyle(document.querySelector('tbody th')).lineHeight)"
    high = tab.run(
        "(r => { r.selectNodeContents(document.querySelector('tbody th')); return r.getBoundingClientRect()"
        ".height; })(document.createRange())"
    )
    assert high <= 1.5 * tab.run(line)
