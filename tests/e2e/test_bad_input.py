"""What people give a tool by mistake: one clear message, the right exit code, and nothing lost that was there."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from as_a_user import User, digests, in_json, in_words, one_message, require_label_studio, tables

from hint_tools.labelstudio.connection import TOKEN_VARIABLE
from hint_tools.store.project import open_project
from hint_tools.store.tables import FRAMES

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda p: None, "expected a folder of pictures and videos, found none"),
        (lambda p: p.write_text("x"), "expected a folder of pictures and videos, found none"),
        (lambda p: p.mkdir(), "found 0 files of other kinds"),
        (lambda p: (p / "a").mkdir(parents=True) or (p / "a" / "notes.txt").write_text("x"), "found 1 files of other"),
        (lambda p: p.mkdir() or (p / "a.jpg").write_bytes(b"\xff\xd8\xff\xe0 torn"), "not one frame can be taken"),
        (lambda p: p.mkdir() or (p / "a.mp4").write_bytes(bytes(3000)), "not one frame can be taken"),
        (lambda p: p.mkdir() or (p / "a.png").touch(), "not one frame can be taken"),
    ],
    ids=["missing", "a file", "empty", "no pictures", "torn jpeg", "zeros.mp4", "empty.png"],
)
def test_a_root_with_nothing_in_it(here: User, make: Callable[[Path], object], says: str) -> None:
    root = here.here.parent / "föt age"
    make(root)
    one_message(here, 4, "sample", "--source", "folder", "--root", root, says=says)


def test_ego4d_without_its_files(here: User) -> None:
    one_message(here, 4, "sample", "--source", "ego4d", "--root", here.here.parent, says="fho_main.json")


def test_damaged_pictures_and_films_among_good_ones(user: User, footage: Path) -> None:
    """The good ones are taken, each bad one is named and counted."""
    given = user.here / "footage"
    shutil.copytree(footage, given)
    pictures, (film,) = sorted(given.rglob("*.jpg")), sorted(given.rglob("*.mp4"))
    whole = pictures[0].read_bytes()
    pictures[0].write_bytes(whole[: len(whole) // 2])
    (given / "cut.mp4").write_bytes(film.read_bytes()[: film.stat().st_size // 2])
    (given / "noise.jpg").write_bytes(np.random.default_rng(0).bytes(5000))
    assert user.types("init", "round").code == 0
    here = user.at(user.here / "round")
    report = here.asks("sample", "--source", "folder", "--root", given)
    counts = report["counts"]
    assert counts["pictures"] == len(pictures) + 1
    assert counts["taken"] >= len(pictures) - 1 + 1
    dropped = sum(n for k, n in counts.items() if k.startswith("dropped"))
    assert counts["candidates"] == counts["taken"] + dropped
    assert dropped >= 2
    named = [s for f in report["findings"] for s in (f["message"], *f["subjects"])]
    for bad in (pictures[0].name, "cut.mp4", "noise.jpg"):
        assert any(bad in text for text in named), (bad, named)
    frames = open_project(here.here).read(FRAMES)
    assert len(frames) == counts["taken"]
    assert not any(f.origin.endswith("noise.jpg") for f in frames)
    before = tables(here.here)
    assert here.asks("sample", "--source", "folder", "--root", given)["findings"] == report["findings"]
    assert tables(here.here) == before


@pytest.mark.parametrize(
    "words", [("status",), ("qc",), ("sample", "--source", "folder", "--root", "x"), ("server", "up"), ("push",)]
)
def test_a_project_made_by_a_newer_version(here: User, words: tuple[str, ...]) -> None:
    marker = here.here / "hint.toml"
    marker.write_text(marker.read_text().replace("format = 1", "format = 2"))
    one_message(here, 3, *words, says="made for project format 2; this hint-tools reads format 1")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[project\n", "expected TOML"),
        ("", "expected [project] with name, id and format"),
        ("[qc]\ncolour = 'red'\n", "colour: no such setting (from hint.toml [qc])"),
        ("qc = 3\n", "[qc] must be a section"),
    ],
)
def test_settings_that_are_none(here: User, text: str, says: str) -> None:
    marker = here.here / "hint.toml"
    kept = marker.read_text() if "qc" in text else ""
    marker.write_text(text + kept if text.startswith("qc") else kept + text)
    one_message(here, 3, "qc", says=says)


def _evil(path: Path) -> None:
    class Evil:
        def __reduce__(self) -> object:
            return (open, (str(path.with_name("opened")), "w"))

    path.write_bytes(pickle.dumps(Evil()))


@pytest.mark.parametrize(
    "make",
    [
        lambda p: p.write_text("MANO"),
        lambda p: p.write_bytes(pickle.dumps({"v_template": np.zeros((778, 3))})),
        lambda p: p.write_bytes(pickle.dumps([1, 2])),
        _evil,
        lambda p: p.mkdir(),
        lambda p: None,
    ],
    ids=["text", "half of it", "a list", "hostile", "an empty folder", "missing"],
)
def test_a_mano_file_that_is_not_one(here: User, make: Callable[[Path], object]) -> None:
    file = here.here.parent / "MANO_RIGHT.pkl"
    make(file)
    before = digests(here.here)
    in_words(here, 4, "fit", "--mano", "../MANO_RIGHT.pkl", says="MANO_RIGHT.pkl")
    in_json(here.at(here.here, HINT_MANO=str(file)), 4, "fit", says="MANO_RIGHT.pkl")
    assert digests(here.here) == before
    assert not file.with_name("opened").exists()


def _other_network(path: Path) -> None:
    import torch

    torch.save({"state_dict": {"layer.weight": torch.zeros(3, 3)}}, path)


def _cut(path: Path) -> None:
    whole = path.with_name("round") / "runs" / "first" / "last.ckpt"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])


@pytest.mark.parametrize(
    "make",
    [lambda p: p.write_text("x"), _other_network, _cut, _evil, lambda p: p.mkdir(), lambda p: None],
    ids=["text", "another network", "cut off", "hostile", "a folder", "missing"],
)
def test_a_checkpoint_that_does_not_fit(here: User, make: Callable[[Path], object]) -> None:
    file = here.here.parent / "model.ckpt"
    make(file)
    before = digests(here.here)
    in_words(here, 4, "benchmark", "../model.ckpt", "--release", "releases/r1", says="model.ckpt")
    in_json(here, 4, "train", "--release", "releases/r1", "--init", file, "--name", "b", says="model.ckpt")
    assert digests(here.here) == before
    assert not file.with_name("opened").exists()


@pytest.mark.parametrize("torn", ["submissions", "hands", "frames"])
def test_a_torn_table(here: User, torn: str) -> None:
    path = here.here / "tables" / f"{torn}.parquet"
    path.write_bytes(path.read_bytes()[:-50])
    one_message(here, 4, "qc", says=f"{torn}.parquet: expected a Parquet table")


def test_files_that_options_name(here: User) -> None:
    boxes = here.here.parent / "boxes.json"
    sample = ("sample", "--source", "folder", "--root", "frames", "--boxes", "../boxes.json")
    one_message(here, 4, *sample, says="boxes.json")
    boxes.write_text("[1, 2")
    one_message(here, 4, *sample, says="boxes.json")
    onnx = here.here.parent / "rtm.onnx"
    prelabel = ("prelabel", "--backend", "onnx", "--weights", "../rtm.onnx")
    one_message(here, 4, *prelabel, says="rtm.onnx")
    onnx.write_text("no network")
    one_message(here, 4, *prelabel, says="rtm.onnx")
    one_message(here, 3, "run", "round.yaml", says="no such pipeline file")
    one_message(here, 3, "prelabel", "--backend", "onnx", says="needs weights")


def test_a_release_that_was_changed(here: User) -> None:
    release = here.here / "releases" / "r1"
    picture = next(release.rglob("*.json"))
    picture.write_text(picture.read_text().replace("1", "2"))
    ended = here.asks("release", "verify", "releases/r1", code=1)
    assert ended["counts"]["errors"] >= 1
    assert any(picture.name in f["message"] for f in ended["findings"])
    one_message(here, 4, "release", "verify", "releases/other", says="releases/other: no such folder")
    (release / "annotations.parquet").unlink()
    one_message(here, 4, "release", "verify", "releases/r1", says="annotations.parquet")
    in_words(here, 4, "train", "--release", "releases/r1", "--name", "b", says="without its table")


def test_nothing_there_yet(user: User) -> None:
    """Every stage before its input names the command that comes first."""
    assert user.types("init", "round").code == 0
    here = user.at(user.here / "round")
    for words, first in (
        (("prelabel",), "hint sample"),
        (("qc",), "hint sample"),
        (("fit",), "hint qc"),
        (("release", "build", "r1"), "hint sample"),
    ):
        answer = here.asks(*words, code=4)
        assert answer["error"]["hint"].startswith(first), words
    assert here.asks("push", code=3)["error"]["hint"] == "hint server up"
    assert here.asks("pull", code=3)["error"]["hint"] == "hint server up"


@pytest.mark.labelstudio
def test_a_wrong_token_and_a_server_that_is_down(here: User, home: Path) -> None:
    require_label_studio(home)
    try:
        here.asks("server", "up")
        here.asks("push")
        for words in (("push",), ("pull",)):
            stranger = here.at(here.here, **{TOKEN_VARIABLE: "0" * 40})
            one_message(stranger, 5, *words, says="the server refuses the token")
            odd = here.at(here.here, **{TOKEN_VARIABLE: "two words"})
            one_message(odd, 3, *words, says="spaces or odd characters")
    finally:
        assert here.asks("server", "down")["counts"]["server"] == "stopped"
    assert here.asks("server", "down")["counts"]["server"] == "was not running"
    for words in (("push",), ("pull",)):
        one_message(here, 5, *words, says="no server answers")
    one_message(here, 3, "push", "--url", "http://127.0.0.1:9", says="no token is stored")
