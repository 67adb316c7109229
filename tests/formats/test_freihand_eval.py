from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from hint_tools.core.errors import DataError
from hint_tools.formats import freihand_eval
from hint_tools.formats.freihand_eval import (
    ANSWER_DEPTH,
    TRUTH_DEPTH,
    count_hands,
    read_answers,
    read_truth,
    write_submission,
)


@pytest.fixture
def hands() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(7, 21, 3)).round(6)


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("chunk", [17, 1 << 20])
def test_hands_come_out_as_json_reads_them(
    hands: np.ndarray, tmp_path: Path, indent: int | None, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(freihand_eval, "_CHUNK", chunk)
    path = tmp_path / "evaluation_xyz.json"
    path.write_text(json.dumps(hands.tolist(), indent=indent))
    np.testing.assert_array_equal(list(read_truth(path, 21)), hands)
    assert count_hands(path, TRUTH_DEPTH) == 7
    meshes = np.random.default_rng(1).normal(size=(7, 4, 3))
    path.write_text(json.dumps([hands.tolist(), meshes.tolist()], indent=indent))
    np.testing.assert_array_equal(list(read_answers(path, 0, 21)), hands)
    np.testing.assert_array_equal(list(read_answers(path, 1, 4)), meshes)
    assert [count_hands(path, ANSWER_DEPTH, part) for part in (0, 1)] == [7, 7]


def test_a_submission_reads_back_and_is_the_same_bytes_each_time(hands: np.ndarray, tmp_path: Path) -> None:
    meshes = np.random.default_rng(1).normal(size=(7, 778, 3))
    for name in ("a.zip", "b.zip"):
        write_submission(tmp_path / name, iter(hands), iter(meshes))
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    np.testing.assert_allclose(list(read_answers(tmp_path / "a.zip", 0, 21)), hands, atol=6e-8)
    np.testing.assert_allclose(list(read_answers(tmp_path / "a.zip", 1, 778)), meshes, atol=6e-8)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b'{"a": 1}', "expected JSON lists"),
        (b"", "ends before its last bracket"),
        (b"[[[1, 2, 3]], [[1, 2", "ends before its last bracket"),
        (b"[[[1, 2, 3], [1, 2]]]", "hand 0: expected"),
        (b"[[[1, 2, NaN]]]", "hand 0: 1 of its numbers are not finite"),
        (b'[[["a", 2, 3]]]', "hand 0: expected"),
        (b"[[[1, 2, 3]], [[1, 2, 3], [4, 5, 6]]]", "hand 1: expected 1 x 3 numbers, got shape"),
    ],
)
def test_broken_files_are_one_message(text: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(text)
    with pytest.raises(DataError, match=words):
        list(read_truth(path, 1))


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    mesh = json.dumps(np.random.default_rng(0).normal(size=(778, 3)).tolist())
    peaks = []
    for count in (60, 180):
        path = tmp_path / f"{count}.json"
        path.write_text("[" + ", ".join([mesh] * count) + "]")
        tracemalloc.start()
        assert sum(1 for _ in read_truth(path, 778)) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0]
    assert (tmp_path / "180.json").stat().st_size > 8e6
