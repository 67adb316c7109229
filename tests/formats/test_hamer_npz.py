from __future__ import annotations

import io
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hint_tools.core.errors import DataError
from hint_tools.formats.hamer_npz import HamerSet, decode, encode

GOLDEN = Path(__file__).parents[3] / "shared" / "data" / "golden"


def arrays() -> dict[str, Any]:
    random = np.random.default_rng(0)
    return {
        "imgname": np.array(["a_l.jpg", "ünder/b_r.jpg", "c_r.jpg"]),
        "center": random.uniform(0, 100, (3, 2)),
        "scale": random.uniform(10, 100, (3, 2)),
        "right": np.array([0, 1, 1], dtype=np.float32),
        "hand_keypoints_2d": random.uniform(0, 100, (3, 21, 3)),
        "hand_keypoints_3d": random.normal(size=(3, 21, 4)).astype(np.float32),
        "hand_pose": random.normal(size=(3, 48)).astype(np.float32),
        "has_hand_pose": np.ones(3, dtype=np.float32),
        "betas": random.normal(size=(3, 10)).astype(np.float32),
        "has_betas": np.ones(3, dtype=np.float32),
        "personid": np.arange(3),
    }


def saved(**values: Any) -> bytes:
    out = io.BytesIO()
    np.savez(out, **values)
    return out.getvalue()


def same(a: HamerSet, values: dict[str, Any]) -> None:
    for name, value in values.items():
        np.testing.assert_array_equal(getattr(a, name), value)


def test_numpy_reads_what_we_write_without_pickles() -> None:
    data = encode(HamerSet(**arrays()))
    with np.load(io.BytesIO(data), allow_pickle=False) as read:
        for name, value in arrays().items():
            np.testing.assert_array_equal(read[name], value)
    assert encode(HamerSet(**arrays())) == data
    same(decode(data, "x"), arrays())


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize("kind", ["str", "bytes", "np.str_", "np.bytes_"])
def test_names_pickled_as_objects_are_read_safely(protocol: int, kind: str) -> None:
    plain = arrays()["imgname"].tolist()
    if kind == "bytes":
        plain = [n.encode() for n in plain]
    elif kind != "str":
        make = np.str_ if kind == "np.str_" else (lambda n: np.bytes_(n.encode()))
        plain = [make(n) for n in plain]
    names = np.array(plain, dtype=object)
    same(decode(with_object_member(saved_without("imgname"), "imgname", names, protocol), "x"), arrays())


def saved_without(name: str) -> bytes:
    return saved(**{k: v for k, v in arrays().items() if k != name})


def with_object_member(data: bytes, name: str, value: Any, protocol: int, shape: tuple[int, ...] = (3,)) -> bytes:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|O", "fortran_order": False, "shape": shape})
    packed = io.BytesIO(data)
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr(f"{name}.npy", header.getvalue() + pickle.dumps(value, protocol=protocol))
    return packed.getvalue()


class Touch:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("name", ["imgname", "center", "hand_keypoints_2d", "right", "betas"])
def test_hostile_pickles_start_nothing(tmp_path: Path, name: str) -> None:
    sentinel = tmp_path / "touched"
    for value in (Touch(sentinel), np.array([Touch(sentinel)] * 3, dtype=object)):
        data = with_object_member(saved_without(name), name, value, 2)
        with pytest.raises(DataError, match=r"evil\.npz"):
            decode(data, "evil.npz")
    assert not sentinel.exists()


def test_objects_where_numbers_belong_are_refused() -> None:
    data = with_object_member(saved_without("center"), "center", np.array([[1, 2]] * 3, dtype=object), 2, (3, 2))
    with pytest.raises(DataError, match="center: expected numbers"):
        decode(data, "x")
    bad = with_object_member(saved_without("imgname"), "imgname", np.array([1, None, "a"], dtype=object), 2)
    with pytest.raises(DataError, match="expected names"):
        decode(bad, "x")


def test_hamers_defaults() -> None:
    values = arrays()
    least = {k: values[k] for k in ("imgname", "center", "hand_keypoints_2d")}
    hands = decode(saved(**least, scale=np.array([[50.0], [60.0], [70.0]])), "x")
    assert hands.right.tolist() == [1, 1, 1]
    assert hands.scale.tolist() == [[50, 50], [60, 60], [70, 70]]
    assert hands.hand_pose is None
    flat = decode(saved(**least, scale=np.array([50.0, 60, 70]), right=np.zeros((3, 1))), "x")
    assert flat.scale[1].tolist() == [60, 60]
    assert flat.right.tolist() == [0, 0, 0]


def test_unknown_members_are_not_opened(tmp_path: Path) -> None:
    sentinel = tmp_path / "touched"
    same(decode(with_object_member(saved(**arrays()), "extra_info", Touch(sentinel), 2), "x"), arrays())
    assert not sentinel.exists()


def test_broken_files_are_one_clear_error() -> None:
    whole = saved(**arrays())
    random = np.random.default_rng(1)
    for _ in range(200):
        data = bytearray(whole[: random.integers(1, len(whole))] if random.random() < 0.5 else whole)
        for place in random.integers(0, len(data), 5):
            data[place] = random.integers(0, 256)
        try:
            decode(bytes(data), "broken.npz")
        except DataError as error:
            assert "broken.npz" in error.message  # noqa: PT017  (luck may leave a file whole)
    with pytest.raises(DataError, match="missing center, scale"):
        decode(saved(imgname=np.array(["a"]), hand_keypoints_2d=np.zeros((1, 21, 3))), "x")
    with pytest.raises(DataError, match=r"hand_keypoints_2d: expected numbers of shape \(3, 21, 3\)"):
        decode(saved(**arrays() | {"hand_keypoints_2d": np.zeros((3, 20, 3))}), "x")


@pytest.mark.shared
@pytest.mark.skipif(not (GOLDEN / "crops_dataset.npz").exists(), reason="the reference file is not here")
def test_a_file_the_reference_reads() -> None:
    hands = decode((GOLDEN / "crops_dataset.npz").read_bytes(), "x")
    assert len(hands) == 13
    assert hands.scale[0].tolist() == [104.0, 63.0]
