"""Figures of earlier rounds, from the `qc/qc.json` of their projects."""

from __future__ import annotations

import json
import math
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hint_tools.core.errors import ConfigError, DataError
from hint_tools.qc.bootstrap import Estimate
from hint_tools.qc.results import QC_VERSION, RESULTS
from hint_tools.qc.round_figures import PERSON_FIGURES, ROUND_FIGURES, Figure, RoundFigures, Scale

_PROJECT = "a project folder in which `hint qc` has run, or its qc.json"
_LESS = "hint qc, with --earlier for other rounds only"


def read_earlier(paths: Sequence[Path], own: Path) -> tuple[RoundFigures, ...]:
    """Figures of each round, in the order given.

    Args:
        paths: project folders, or `qc.json` files.
        own: folder of the project at hand, which is no earlier round.

    Raises:
        ConfigError: there is nothing at a path, or it was given twice, or is the project at hand.
        DataError: `hint qc` has not run there, or the file is another one than it writes.
    """
    files = [_file_of(path.absolute()) for path in paths]
    for path, file in zip(paths, files, strict=True):
        if file.resolve() == (own / RESULTS).resolve():
            raise ConfigError(
                f"earlier: {path}: expected another project than the one at hand, got that one", hint=_LESS
            )
    for file, times in Counter(f.resolve() for f in files).items():
        if times > 1:
            raise ConfigError(f"earlier: {file}: expected each round once, got it {times} times", hint=_LESS)
    return tuple(_read(file, name) for file, name in zip(files, _names(files), strict=True))


def _file_of(path: Path) -> Path:
    if not path.exists():
        near = shlex.quote(str(path.parent))
        raise ConfigError(f"earlier: {path}: expected {_PROJECT}, got nothing there", hint=f"ls {near}")
    if path.is_dir():
        file = path / RESULTS
        if not file.is_file():
            raise DataError(f"{path}: expected {_PROJECT}, got a folder without {RESULTS}", hint=_again(file))
        return file
    return path


def _names(files: Sequence[Path]) -> list[str]:
    """Each project's folder, or the name of a file that lies elsewhere; numbered where several are called alike."""
    called = [f.parent.parent.name if f.parent.name == "qc" else f.stem for f in files]
    number: Counter[str] = Counter()
    names = []
    for name in called:
        number[name] += 1
        names.append(f"{name} ({number[name]})" if called.count(name) > 1 else name)
    return names


def _again(file: Path) -> str:
    """The command that writes such a file."""
    folder = shlex.quote(str(file.parent.parent)) if file.parent.name == "qc" else "DIR"
    return f"hint qc --project {folder}"


def _read(file: Path, name: str) -> RoundFigures:
    try:
        document = json.loads(file.read_bytes())
    except OSError as error:
        raise DataError(f"{file}: can't be read ({error.strerror})", hint=_again(file)) from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{file}: expected the JSON of `hint qc`, got none ({error})", hint=_again(file)) from error
    told = document.get("format") if isinstance(document, dict) else None
    if told != "hint-qc":
        raise DataError(f"{file}: expected a file of format 'hint-qc', got {told!r}", hint=_again(file))
    if document.get("version") != QC_VERSION:
        got = document.get("version")
        raise DataError(f"{file}: expected version {QC_VERSION} of its layout, got {got!r}", hint=_again(file))
    try:
        return _figures(document["figures"], name)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise DataError(f"{file}: expected the figures of a round, got {_wrong(error)}", hint=_again(file)) from error


def _wrong(error: Exception) -> str:
    return f"none called {error}" if isinstance(error, KeyError) else str(error)


def _figures(told: Mapping[str, Any], name: str) -> RoundFigures:
    people = {str(who): _of(PERSON_FIGURES, own, f"{who}: ") for who, own in told["annotators"].items()}
    answers = _number(told["answers_per_hand"], "answers_per_hand")
    pictures = _number(told["pictures"], "pictures")
    return RoundFigures(name, int(pictures), answers, _of(ROUND_FIGURES, told["all"], ""), people)


def _of(figures: Sequence[Figure], told: Mapping[str, Any], whose: str) -> dict[str, Estimate]:
    return {f.key: _estimate(told[f.key], f"{whose}{f.key}", f.scale) for f in figures}


def _estimate(told: Any, where: str, scale: Scale) -> Estimate:
    """Value, low, high; null is NaN."""
    if not isinstance(told, list) or len(told) != 3:
        raise ValueError(f"{where} = {told!r} instead of [value, low, high]")
    value, low, high = (_number(v, where) for v in told)
    if scale is Scale.SHARE and (low > value or value > high or min(low, value) < 0 or max(value, high) > 1):
        raise ValueError(f"{where} = {told!r} instead of a share and its interval")
    return Estimate(value, low, high, 0)


def _number(told: Any, where: str) -> float:
    if told is None:
        return math.nan
    if isinstance(told, bool) or not isinstance(told, int | float) or not math.isfinite(told):
        raise ValueError(f"{where} = {told!r} instead of a number")
    return float(told)
