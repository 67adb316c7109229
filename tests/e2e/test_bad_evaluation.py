"""What is wrong with evaluation files, predictions and pictures: exit code 4 and one message, or a figure that says so.

The command runs in this process, which has the network's library loaded; `test_bad_input.py` starts it anew.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from as_a_user import User, digests
from typer.testing import CliRunner

from hint_tools.cli.app import build_app

pytestmark = pytest.mark.slow

Arrays = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def scored(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished round with the answers of its network to the training split."""
    root = tmp_path_factory.mktemp("scored") / "round"
    shutil.copytree(finished, root)
    ended = User(root).types(
        "benchmark", "runs/first/last.ckpt", "--release", "releases/r1", "--split", "train", "--bootstrap", "0"
    )
    assert ended.code == 0, ended
    return root


@pytest.fixture
def inside(scored: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(scored)
    return scored


def says(*words: object, code: int) -> dict[str, Any]:
    """The JSON object of `hint benchmark words...`, checked against its exit code; the project stays as it is."""
    before = digests(Path.cwd(), ".hint/journal", "benchmark")
    line = ["benchmark", *map(str, words), "--bootstrap", "0", "--json"]
    ended = CliRunner().invoke(build_app(line), line)
    assert ended.exit_code == code, (ended.stdout, ended.stderr)
    assert digests(Path.cwd(), ".hint/journal", "benchmark") == before
    said: dict[str, Any] = json.loads(ended.stdout)
    return said


def refused(*words: object) -> str:
    """The one message of a command that ends with exit code 4 and leaves the last good report alone."""
    before = digests(Path("benchmark"))
    message: str = says(*words, code=4)["error"]["message"]
    assert digests(Path("benchmark")) == before
    assert len(message) < 1000
    return message


def evaluation(root: Path) -> tuple[Arrays, tuple[object, ...]]:
    """The arrays of the release's evaluation file, and the words that name its pictures."""
    release = root / "releases/r1"
    (npz,) = (release / "eval").glob("TRAIN_*_all.npz")
    return dict(np.load(npz)), ("--images", release / npz.stem.removesuffix("_all"))


def changed(arrays: Arrays, name: str, row: object, value: object) -> Arrays:
    copy = arrays[name].copy()
    copy[row] = value
    return {**arrays, name: copy}


def renamed(arrays: Arrays, name: str) -> Arrays:
    return changed({**arrays, "imgname": arrays["imgname"].astype("U200")}, "imgname", 0, name)


def every_row(arrays: Arrays, change: Callable[[np.ndarray], np.ndarray]) -> Arrays:
    count = len(arrays["imgname"])
    return {k: change(v) if v.shape[:1] == (count,) else v for k, v in arrays.items()}


def with_first_again(rows: np.ndarray) -> np.ndarray:
    return np.concatenate([rows, rows[:1]])


class Opens:
    """A pickle that would write a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> object:
        return open, (str(self.path), "w")


SPOILT: dict[str, tuple[Callable[[Arrays], Arrays], str]] = {
    "no names": (lambda a: {k: v for k, v in a.items() if k != "imgname"}, "missing imgname"),
    "no boxes": (lambda a: {k: v for k, v in a.items() if k not in ("center", "scale")}, "missing center, scale"),
    "no keypoints": (lambda a: {k: v for k, v in a.items() if k != "hand_keypoints_2d"}, "missing hand_keypoints_2d"),
    "objects": (lambda a: {**a, "center": a["center"].astype(object)}, "expected numbers of shape"),
    "other lengths": (lambda a: {**a, "center": a["center"][1:]}, "expected numbers of shape"),
    "a row without a picture": (lambda a: renamed(a, "gone.jpg"), "1 of {n} images are missing"),
    "a way out": (lambda a: renamed(a, "../../../../../etc/hostname"), "leads out of the folder"),
    "a box that is no number": (lambda a: changed(a, "center", 1, np.nan), "1 of {n} hands have a joint or a box"),
    "no extent": (lambda a: changed(a, "scale", slice(2), 0), "2 of {n} hands have a joint or a box"),
    "a joint that is no number": (
        lambda a: changed(a, "hand_keypoints_2d", (0, 3, 0), np.nan),
        "1 of {n} hands have a joint or a box that is not finite",
    ),
    "a 3D joint that is no number": (
        lambda a: changed(a, "hand_keypoints_3d", (0, 3), (np.nan, 0, 0, 1)),
        "1 of {n} hands have a joint or a box that is not finite",
    ),
    "a third side": (lambda a: changed(a, "right", 0, 7), "1 of {n} hands are of no side: expected right 1 or 0"),
    "a hand twice": (
        lambda a: every_row(a, lambda v: np.concatenate([v, v[:1]])),
        "1 of {more} hands stand there more",
    ),
    "no rows": (lambda a: every_row(a, lambda v: v[:0]), "expected hands, the file holds none"),
}


@pytest.mark.parametrize("case", SPOILT)
def test_an_evaluation_file(case: str, inside: Path, tmp_path: Path) -> None:
    arrays, pictures = evaluation(inside)
    spoil, expected = SPOILT[case]
    np.savez(tmp_path / "spoilt.npz", **spoil(arrays))
    n = len(arrays["imgname"])
    said = refused("runs/first/last.ckpt", "--npz", tmp_path / "spoilt.npz", *pictures)
    assert expected.format(n=n, more=n + 1) in said


def test_evaluation_files_that_are_none_and_hostile_ones(inside: Path, tmp_path: Path) -> None:
    arrays, pictures = evaluation(inside)
    (tmp_path / "text.npz").write_text("no zip")
    np.savez(tmp_path / "whole.npz", **arrays)
    (tmp_path / "cut.npz").write_bytes((tmp_path / "whole.npz").read_bytes()[:-200])
    names = np.array([Opens(tmp_path / "opened")] * len(arrays["imgname"]), dtype=object)
    np.savez(tmp_path / "hostile.npz", **{**arrays, "imgname": names})
    for name in ("text", "cut", "hostile", "absent"):
        assert f"{name}.npz" in refused("runs/first/last.ckpt", "--npz", tmp_path / f"{name}.npz", *pictures)
    assert not (tmp_path / "opened").exists()


def test_pictures_that_are_elsewhere_or_none(inside: Path, tmp_path: Path) -> None:
    arrays, (_, pictures) = evaluation(inside)
    np.savez(tmp_path / "good.npz", **arrays)
    ask = ("runs/first/last.ckpt", "--npz", tmp_path / "good.npz", "--images")
    n = len(arrays["imgname"])
    assert f"{n} of {n} images are missing" in refused(*ask, inside)
    assert f"none of its {n} images is in" in refused(*ask, inside, "--on-missing", "skip")
    shutil.copytree(str(pictures), tmp_path / "pictures")
    torn = tmp_path / "pictures" / str(arrays["imgname"][0])
    torn.write_bytes(torn.read_bytes()[:300])
    assert torn.name in refused(*ask, tmp_path / "pictures")
    assert torn.name in refused(*ask, tmp_path / "pictures", "--on-missing", "skip")


def test_figures_of_a_part_say_so(inside: Path, tmp_path: Path) -> None:
    """Left-out hands, unknown sides: the figures come, with a warning and a count beside them."""
    arrays, pictures = evaluation(inside)
    n = len(arrays["imgname"])
    np.savez(tmp_path / "part.npz", **renamed(arrays, "gone.jpg"))
    np.savez(tmp_path / "sides.npz", **{k: v for k, v in arrays.items() if k != "right"})
    ask = ("runs/first/last.ckpt", *pictures, "--out", tmp_path / "out", "--npz")
    said = says(*ask, tmp_path / "part.npz", "--on-missing", "skip", code=0)
    assert ("benchmark.images-missing", 1) in [(f["code"], f["count"]) for f in said["findings"]]
    assert any(f"1 of {n} hands were left out" in f["message"] for f in said["findings"])
    said = says(*ask, tmp_path / "sides.npz", code=0)
    assert ("benchmark.sides-unknown", n) in [(f["code"], f["count"]) for f in said["findings"]]


ANSWERS: dict[str, tuple[Callable[[Arrays], Arrays], str]] = {
    "no sides": (lambda a: {k: v for k, v in a.items() if k != "right"}, "missing right"),
    "no keypoints": (lambda a: {k: v for k, v in a.items() if k != "keypoints"}, "missing keypoints"),
    "twenty joints": (lambda a: {**a, "keypoints": a["keypoints"][:, :20]}, "expected numbers of shape"),
    "two hands missing": (lambda a: every_row(a, lambda v: v[:-2]), "no answer for 2 of {n} hands"),
    "a hand twice": (
        lambda a: every_row(a, lambda v: np.concatenate([v, v[:1]])),
        "1 hands stand there more than once",
    ),
    "not a number": (lambda a: changed(a, "keypoints", (1, 4), np.nan), "1 of {n} hands have numbers that are not"),
    "without end": (lambda a: changed(a, "keypoints", (slice(2), 4), np.inf), "2 of {n} hands have numbers that are"),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_a_predictions_file(case: str, inside: Path, tmp_path: Path) -> None:
    arrays = dict(np.load("benchmark/predictions.npz"))
    spoil, expected = ANSWERS[case]
    np.savez(tmp_path / "answers.npz", **spoil(arrays))
    said = refused("--predictions", tmp_path / "answers.npz", "--release", "releases/r1", "--split", "train")
    assert expected.format(n=len(arrays["imgname"])) in said


def test_predictions_in_another_order_or_of_another_split(inside: Path, tmp_path: Path) -> None:
    arrays = dict(np.load("benchmark/predictions.npz"))
    np.savez(tmp_path / "turned.npz", **every_row(arrays, lambda v: v[::-1]))
    ask = ("--predictions", tmp_path / "turned.npz", "--release", "releases/r1")
    says(*ask, "--split", "train", "--out", tmp_path / "out", code=0)
    files = (Path("benchmark/metrics.json"), tmp_path / "out" / "metrics.json")
    straight, turned = (json.loads(f.read_text())["sources"] for f in files)
    for one in straight:
        del one["mesh_visibility"]  # a checkpoint has meshes, the answers it leaves have none
    assert turned == straight
    assert "no answer for" in refused(*ask, "--split", "test")
