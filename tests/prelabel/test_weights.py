"""Fetched once, checked, kept whole; and a machine without network is told what to do."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from pathlib import Path

import pytest

from hint_tools.core.errors import DataError, EnvironmentFault
from hint_tools.prelabel import weights as module
from hint_tools.prelabel.weights import LOCAL_VARIABLE, NETWORKS, ensure_hand_weights


@pytest.fixture
def local_copy(weights, tmp_path: Path) -> Path:
    """A folder with the untouched networks, as somebody would carry it to a machine without network."""
    folder = tmp_path / "carried"
    folder.mkdir()
    for path in (*weights.tflite, weights.palm.parent / "LICENSE"):
        shutil.copy(path, folder)
    return folder


def test_what_is_kept_is_what_was_published(weights) -> None:
    for path in weights.tflite:
        assert hashlib.sha256(path.read_bytes()).hexdigest() == NETWORKS[path.stem]
    assert "Apache License" in (weights.palm.parent / "LICENSE").read_text()


def test_a_second_call_writes_nothing(weights) -> None:
    before = {p: p.stat().st_mtime_ns for p in weights.palm.parent.iterdir()}
    assert ensure_hand_weights() == weights
    assert {p: p.stat().st_mtime_ns for p in weights.palm.parent.iterdir()} == before


@pytest.mark.parametrize("kind", ["folder", "wheel"])
def test_local_files_do_without_network(
    weights, local_copy: Path, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = local_copy
    if kind == "wheel":
        given = tmp_path / "mediapipe.whl"
        with zipfile.ZipFile(given, "w") as archive:
            for name, member in module._MEMBERS.items():
                archive.write(local_copy / name, member)
    monkeypatch.setenv("HINT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv(LOCAL_VARIABLE, str(given))
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/")
    made = ensure_hand_weights()
    assert made.palm.is_relative_to(tmp_path / "home")
    assert made.digest == weights.digest
    assert made.landmark.read_bytes() == weights.landmark.read_bytes()


def test_without_network_the_error_names_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HINT_HOME", str(tmp_path))
    monkeypatch.delenv(LOCAL_VARIABLE, raising=False)
    for name, value in {
        "INDEX_URL": "http://127.0.0.1:9/",
        "EXTRA_INDEX_URL": "",
        "FIND_LINKS": "",
        "RETRIES": "0",
    }.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    with pytest.raises(EnvironmentFault) as caught:
        ensure_hand_weights()
    assert LOCAL_VARIABLE in caught.value.hint
    assert not list(tmp_path.rglob("*.onnx"))


def test_a_tampered_network_is_refused(local_copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = local_copy / "palm_detection_full.tflite"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    monkeypatch.setenv("HINT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv(LOCAL_VARIABLE, str(local_copy))
    with pytest.raises(DataError, match="sha256"):
        ensure_hand_weights()
    assert not list((tmp_path / "home").rglob("*.onnx"))


def test_a_damaged_kept_file_is_made_again(local_copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HINT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv(LOCAL_VARIABLE, str(local_copy))
    made = ensure_hand_weights()
    good = made.landmark.read_bytes()
    made.landmark.write_bytes(good[:1000])
    assert ensure_hand_weights().landmark.read_bytes() == good


@pytest.mark.parametrize("content", [None, b"no zip"])
def test_a_wrong_local_wheel_is_named(content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "some.whl"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv("HINT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv(LOCAL_VARIABLE, str(path))
    with pytest.raises(DataError, match=r"some\.whl"):
        ensure_hand_weights()
