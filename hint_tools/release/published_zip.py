"""The archive of the complete tree as the authors of HInt make it: the same files, the same bytes.

Names sorted folder by folder below `HInt_annotation/`, mode 0644, one fixed time, deflate at zlib's default level. The
compressed bytes depend on the zlib that Python was built with: zlib-ng and others compress differently.
"""

from __future__ import annotations

import hashlib
import shutil
import stat
import zipfile
from pathlib import Path

from hint_tools.core.progress import track
from hint_tools.store.atomic import atomic_path

ROOT = "HInt_annotation"
_TIME = (2024, 4, 24, 10, 10, 10)
_MODE = stat.S_IFREG | 0o644
_UNIX = 3
_BLOCK = 1 << 13
_HASHED = 1 << 20


def write_published_zip(tree: Path, target: Path) -> str:
    """`target` holds every file of the tree's folders; the MD5 of its bytes.

    Args:
        tree: the complete dataset.
        target: the archive; replaced atomically.

    Raises:
        EnvironmentFault: it could not be written.
    """
    files = sorted((p for p in tree.rglob("*") if p.is_file()), key=lambda p: (str(p.parent), p.name))
    with atomic_path(target) as temporary:
        with zipfile.ZipFile(temporary, "w", compression=zipfile.ZIP_DEFLATED) as archive:
            for path in track(files, "archiving"):
                _add(archive, path, f"{ROOT}/{path.relative_to(tree).as_posix()}")
        digest = hashlib.md5(usedforsecurity=False)
        with temporary.open("rb") as opened:
            while block := opened.read(_HASHED):
                digest.update(block)
    return digest.hexdigest()


def _add(archive: zipfile.ZipFile, path: Path, name: str) -> None:
    entry = zipfile.ZipInfo(name, date_time=_TIME)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = _MODE << 16
    entry.create_system = _UNIX
    entry.file_size = path.stat().st_size
    with path.open("rb") as source, archive.open(entry, "w") as packed:
        shutil.copyfileobj(source, packed, _BLOCK)
