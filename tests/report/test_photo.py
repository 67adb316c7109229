"""Photographs with drawings over them: held once, told in words, and nothing but drawings taken as markup."""

import re

import numpy as np
from markupsafe import Markup
from test_page import parsed

from hint_tools.report.page import Gallery, Legend, Overlay, Section, render_page
from hint_tools.report.photo import encoded

HOSTILE = '"><script>alert(1)</script>'
DRAWING = Markup('<path d="M0 0h1"/>')


def photo(seed: int, side: int = 64):
    return encoded(np.random.default_rng(seed).integers(0, 255, (side, side, 3), dtype=np.uint8))


def page_of(*galleries) -> str:
    return render_page("t", "", {}, [Section("s", galleries)])


def test_a_photograph_stands_on_a_page_once_however_often_it_is_drawn_over():
    galleries = [Gallery([Overlay(photo(seed), DRAWING, "c", "a") for seed in (1, 2, 1)]) for _ in range(2)]
    page = page_of(*galleries)
    assert page.count("data:image/") == 2
    held = re.findall(r'<image id="(photo-\w+)"', page)
    assert len(set(held)) == 2
    used = re.findall(r'<use href="#(photo-\w+)"', page)
    assert used == [held[0], *held, held[0]]
    assert page.index(f'id="{held[0]}"') < page.index("<use")
    assert page.count(DRAWING) == 6
    assert page_of(*galleries) == page  # the next page holds its own


def test_the_drawing_has_the_size_of_the_photograph():
    page = page_of(Gallery([Overlay(photo(1, 48), DRAWING, "c", "a")]))
    assert 'viewBox="0 0 48 48"' in page
    assert 'width="48" height="48"' in page


def test_words_of_a_photograph_are_escaped_and_only_what_is_marked_has_a_frame():
    found = parsed(page_of(Gallery([Overlay(photo(1), DRAWING, HOSTILE, HOSTILE, marked=k == 1) for k in range(3)])))
    assert not [t for t, _ in found.tags if t == "script"]
    assert [a["aria-label"] for t, a in found.tags if t == "svg"] == [HOSTILE] * 3
    assert [a.get("class") for t, a in found.tags if t == "figure"] == [None, "marked", None]
    assert all(a["role"] == "img" for t, a in found.tags if t == "svg")


def test_a_legend_is_read_as_words_and_found_by_links():
    page = render_page("t", "", {}, [Section("s", [Legend(((DRAWING, "a <b>"), (DRAWING, "c")), "What & why", "key")])])
    found = parsed(page)
    assert next(a for t, a in found.tags if a.get("class") == "legend")["id"] == "key"
    assert [a["aria-hidden"] for t, a in found.tags if t == "svg"] == ["true", "true"]
    assert "a &lt;b&gt;</li>" in page
    assert "What &amp; why" in page
    assert page.count(DRAWING) == 2
