"""Meshes as Wavefront OBJ text."""

from __future__ import annotations

from collections.abc import Sequence

from hint_tools.formats.meshes import NamedMesh

_DECIMALS = 7
"""A tenth of a micrometre."""


def encode_obj(meshes: Sequence[NamedMesh], *, comment: str = "") -> bytes:
    """The meshes as one OBJ file, an object each; vertices as they are, numbered through from 1.

    Args:
        meshes: to write.
        comment: lines for the head of the file: frame, unit.
    """
    lines = [f"# {line}" for line in comment.splitlines()]
    first = 1
    for mesh in meshes:
        lines.append(f"o {mesh.name}")
        lines += [f"v {x:.{_DECIMALS}f} {y:.{_DECIMALS}f} {z:.{_DECIMALS}f}" for x, y, z in mesh.vertices.tolist()]
        lines += [f"f {a} {b} {c}" for a, b, c in (mesh.faces + first).tolist()]
        first += len(mesh.vertices)
    return ("\n".join(lines) + "\n").encode("ascii", errors="replace")
