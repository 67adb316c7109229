"""Checks of this machine: each finding says what is wrong and the one command that mends it."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable
from importlib import metadata
from pathlib import Path
from typing import Final

from hint_tools import __version__
from hint_tools.core.errors import HintError
from hint_tools.core.findings import Finding, Severity
from hint_tools.core.report import Report
from hint_tools.store.credentials import config_home, data_home

MIN_PYTHON: tuple[int, int] = (3, 11)
MIN_FREE_GIB: Final = 3.0
"""Label Studio's own environment (1 GB) and a small round fit into this."""
CV2_OWNERS: Final = (
    "opencv-python",
    "opencv-python-headless",
    "opencv-contrib-python",
    "opencv-contrib-python-headless",
)
_GIB = 1 << 30


def run_doctor() -> Report:
    """Every check; a gate fails when one is an error."""
    findings = [f for check in _CHECKS for f in check()]
    failed = any(f.severity is Severity.ERROR for f in findings)
    counts: dict[str, int | float | str] = {
        "hint-tools": __version__,
        "python": platform.python_version(),
        "processors": os.cpu_count() or 1,
        "data folder": str(data_home()),
        "torch": _version("torch") or "not installed",
        "mmpose": _version("mmpose") or "not installed",
        "checks": len(_CHECKS),
    }
    return Report(stage="doctor", counts=counts, findings=tuple(findings), gate_failed=failed)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _finding(code: str, severity: Severity, message: str, fix: str) -> Finding:
    return Finding(code=f"doctor.{code}", severity=severity, message=message, suggestion=fix)


def _python() -> Iterable[Finding]:
    if sys.version_info[:2] < MIN_PYTHON:
        yield _finding(
            "python", Severity.ERROR, f"expected Python 3.11 or newer, got {platform.python_version()}", "make setup"
        )


def _opencv() -> Iterable[Finding]:
    owners = [p for p in CV2_OWNERS if _version(p)]
    if len(owners) != 1:
        message = f"expected one OpenCV distribution, got {owners or 'none'}: they overwrite each other's files"
        fix = f"pip uninstall -y {' '.join(owners)}; pip install 'opencv-python-headless>=4.12,<4.13'".replace(
            "pip uninstall -y ;", ""
        )
        yield _finding("opencv-owners", Severity.ERROR, message, fix)
    elif not (_version(owners[0]) or "").startswith("4.12."):
        message = f"OpenCV {_version(owners[0])}: 4.12 is tested; 5.x warps differently, so crops and scores move"
        yield _finding("opencv-version", Severity.WARNING, message, "pip install 'opencv-python-headless>=4.12,<4.13'")


def _torch() -> Iterable[Finding]:
    if _version("torch") is None:
        message = "torch is not installed: sample, push, pull and qc work; fit, train and benchmark don't"
        yield _finding("torch", Severity.INFO, message, "pip install 'hint-tools[train]'")
        return
    built_for_cpu = "+cpu" in (_version("torch") or "")
    if built_for_cpu and _version("torchvision"):
        message = "torchvision beside a CPU build of torch: its wheels are CUDA builds, and importing it fails"
        yield _finding("torchvision", Severity.WARNING, message, "pip uninstall -y torchvision")


def _mmpose() -> Iterable[Finding]:
    if _version("mmpose") is None:
        message = "MMPose is not installed: `hint prelabel` uses the embedded hand networks"
        yield _finding("mmpose", Severity.INFO, message, "make setup-mmpose")
    elif importlib.util.find_spec("pkg_resources") is None:
        message = "MMPose is installed, but setuptools no longer brings pkg_resources, which mmengine needs"
        yield _finding("setuptools", Severity.ERROR, message, "pip install 'setuptools<82'")


def _label_studio() -> Iterable[Finding]:
    from hint_tools.labelstudio.config import LABEL_STUDIO_VERSION
    from hint_tools.labelstudio.environment import environment, is_installed

    env = environment(LABEL_STUDIO_VERSION)
    if not is_installed(env):
        message = f"Label Studio {env.version} is not installed yet ({env.folder})"
        yield _finding("label-studio", Severity.INFO, message, "hint server install")


def _hand_weights() -> Iterable[Finding]:
    from hint_tools.prelabel.weights import weights_folder

    if not weights_folder().is_dir():
        message = f"the embedded hand networks are not fetched yet ({weights_folder()})"
        yield _finding("hand-weights", Severity.INFO, message, "hint prelabel --download-only")


def _mano() -> Iterable[Finding]:
    from hint_tools.mano.assets import load_hand_model

    try:
        model = load_hand_model()
    except HintError as error:
        yield _finding("mano", Severity.ERROR, error.message, error.hint or "unset HINT_MANO")
        return
    if not os.environ.get("HINT_MANO"):
        message = f"fits use the open stand-in hand ({model.name}); scores are comparable with others only on MANO"
        yield _finding("mano", Severity.INFO, message, "export HINT_MANO=/path/to/MANO_RIGHT.pkl")


def _folders() -> Iterable[Finding]:
    for what, folder in (("data", data_home()), ("configuration", config_home())):
        existing = next(p for p in (folder, *folder.parents) if p.exists())
        if not os.access(existing, os.W_OK):
            message = f"the {what} folder {folder} can't be written"
            yield _finding("folder", Severity.ERROR, message, "export HINT_HOME=/a/folder/of/yours")
    free = shutil.disk_usage(next(p for p in (data_home(), *data_home().parents) if p.exists())).free / _GIB
    if free < MIN_FREE_GIB:
        message = f"{free:.1f} GiB free at {data_home()}; expected at least {MIN_FREE_GIB:.0f}"
        yield _finding("disk", Severity.WARNING, message, "free some space, or set HINT_HOME to a larger disk")
    if not os.access(tempfile.gettempdir(), os.W_OK):
        yield _finding(
            "tmp", Severity.ERROR, f"{tempfile.gettempdir()} can't be written", "export TMPDIR=/a/folder/of/yours"
        )


def _credentials() -> Iterable[Finding]:
    folder = config_home() / "credentials"
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
        if path.stat().st_mode & 0o077:
            yield _finding("token-mode", Severity.ERROR, f"{path}: others may read this token", f"chmod 600 {path}")


def _home() -> Iterable[Finding]:
    try:
        Path.home()
    except RuntimeError:
        yield _finding(
            "home", Severity.WARNING, "no home folder is known for this user", "export HINT_HOME=/a/folder/of/yours"
        )


_CHECKS: Final[tuple[Callable[[], Iterable[Finding]], ...]] = (
    _python, _opencv, _torch, _mmpose, _label_studio, _hand_weights, _mano, _folders, _credentials, _home,
)  # fmt: skip
