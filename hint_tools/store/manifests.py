"""Checksums of a folder: `checksums.sha256` as `sha256sum -c` reads it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from hint_tools.core.errors import DataError
from hint_tools.core.findings import Finding, Severity
from hint_tools.store.atomic import write_text

CHECKSUMS = "checksums.sha256"
_BLOCK = 1 << 20


def file_sha256(path: Path) -> str:
    """Hex sha256 of a file, read in blocks."""
    digest = hashlib.sha256()
    with path.open("rb") as opened:
        while block := opened.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def write_checksums(folder: Path, files: Iterable[Path] | None = None) -> Path:
    """Write the checksum list of `files` (default: every file below `folder` but the list itself)."""
    target = folder / CHECKSUMS
    chosen = files if files is not None else (p for p in folder.rglob("*") if p.is_file() and p != target)
    lines = sorted(f"{file_sha256(p)}  {p.relative_to(folder).as_posix()}" for p in chosen)
    write_text(target, "".join(f"{line}\n" for line in sorted(lines, key=lambda s: s[66:])))
    return target


def read_checksums(folder: Path) -> dict[str, str]:
    """Relative path -> sha256.

    Raises:
        DataError: there is no list, or a line of it is not one.
    """
    source = folder / CHECKSUMS
    if not source.exists():
        raise DataError(f"{source}: no checksum list; expected one in every release")
    listed = {}
    for number, line in enumerate(source.read_text(encoding="utf-8").splitlines(), start=1):
        digest, separator, name = line.partition("  ")
        if not separator or len(digest) != 64 or name.startswith("/") or ".." in Path(name).parts:
            raise DataError(f"{source}:{number}: expected '<sha256>  <relative path>', got {line[:80]!r}")
        listed[name] = digest
    return listed


def verify_checksums(folder: Path) -> list[Finding]:
    """One finding for each file that is missing, differs, or is not listed; none when all is well.

    Raises:
        DataError: there is no readable list.
    """
    listed = read_checksums(folder)
    present = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()} - {CHECKSUMS}
    findings = []
    for name in sorted(listed.keys() - present):
        findings.append(_finding("release.file-missing", f"{folder / name}: listed, but missing", name))
    for name in sorted(listed.keys() & present):
        got = file_sha256(folder / name)
        if got != listed[name]:
            message = f"{folder / name}: expected sha256 {listed[name][:12]}…, got {got[:12]}…"
            findings.append(_finding("release.file-differs", message, name))
    for name in sorted(present - listed.keys()):
        findings.append(_finding("release.file-unlisted", f"{folder / name}: not in {CHECKSUMS}", name))
    return findings


def _finding(code: str, message: str, name: str) -> Finding:
    return Finding(
        code=code,
        severity=Severity.ERROR,
        message=message,
        suggestion="copy the release again from where it was built",
        subjects=(name,),
    )
