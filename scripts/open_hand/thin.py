"""A mesh thinned to an exact number of vertices, all of them vertices of the original.

Edge collapses onto one end, cheapest first by the quadric error (Garland, Heckbert 1997). As no vertex
moves, whatever is known of the original's vertices holds for the thinned mesh.
"""

from __future__ import annotations

import heapq

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_MIN_NORMAL_COS = 0.25
"""A collapse may turn no triangle by more than 75 degrees."""
_MIN_SHAPE = 0.12
"""Twice a triangle's area over its longest edge squared: no slivers."""
_MIN_VALENCE, _MAX_VALENCE = 4, 11
_LENGTH_COST = 4e-9
"""Cost of a collapse per squared metre moved: decides where the surface is flat."""


class ThinnedMesh:
    """A triangle mesh with one open boundary that loses vertices.

    Args:
        vertices: (n, 3) m.
        triangles: (t, 3).
        protected: vertices that stay.
    """

    def __init__(self, vertices: Floats, triangles: Ints, protected: set[int]) -> None:
        self._at = vertices
        self._faces = {k: tuple(map(int, t)) for k, t in enumerate(triangles)}
        self._around: list[set[int]] = [set() for _ in range(len(vertices))]
        for number, face in self._faces.items():
            for v in face:
                self._around[v].add(number)
        self._alive = np.ones(len(vertices), dtype=bool)
        self._protected = protected
        self._next = _boundary(triangles)
        self._version = np.zeros(len(vertices), dtype=int)
        self._quadrics = self._face_quadrics()
        self._heap: list[tuple[float, int, int, int, int]] = []

    def thin(self, count: int, boundary_count: int) -> tuple[Ints, Ints, list[int]]:
        """Ids (count,) of the vertices that are left, triangles among them, and the boundary in order."""
        self._thin_boundary(boundary_count)
        for vertex in np.flatnonzero(self._alive):
            self._push(int(vertex))
        left = int(self._alive.sum())
        while left > count:
            _, a, b, va, vb = heapq.heappop(self._heap)
            current = self._alive[a] and self._alive[b] and self._version[a] == va and self._version[b] == vb
            if current and a not in self._next and self._collapse(a, b):
                left -= 1
        ids = np.flatnonzero(self._alive)
        row = np.full(len(self._alive), -1)
        row[ids] = np.arange(len(ids))
        return ids, row[np.array(list(self._faces.values()))], [int(row[v]) for v in self._loop()]

    def _thin_boundary(self, count: int) -> None:
        """Collapse the shortest boundary edges, each onto the end that bends the loop less."""
        hopeless: set[tuple[int, int]] = set()
        while len(self._next) > count:
            edges = [(float(np.linalg.norm(self._at[a] - self._at[b])), a, b) for a, b in self._next.items()]
            _, a, b = min(e for e in edges if e[1:] not in hopeless)
            before, after = self._before(a), self._next[b]
            reach_b = np.linalg.norm(self._at[before] - self._at[b])
            reach_a = np.linalg.norm(self._at[a] - self._at[after])
            tries = [(a, b), (b, a)] if reach_b < reach_a else [(b, a), (a, b)]
            if any(self._collapse(*t) for t in tries):
                hopeless.clear()
            else:
                hopeless.add((a, b))
        self._heap.clear()

    def _collapse(self, a: int, b: int) -> bool:
        """Move `a` onto `b`, if the surface stays a good one."""
        if not self._may_collapse(a, b):
            return False
        for number in list(self._around[a]):
            face = self._faces[number]
            for v in face:
                self._around[v].discard(number)
            if b in face:
                del self._faces[number]
                continue
            moved = tuple(b if v == a else v for v in face)
            self._faces[number] = moved
            for v in moved:
                self._around[v].add(number)
        self._quadrics[b] += self._quadrics[a]
        self._alive[a] = False
        if a in self._next:
            before, after = self._before(a), self._next.pop(a)
            self._next[before] = after
            if before == b:
                self._next[b] = after
        touched = self._neighbours(b) | {b}
        for v in touched:
            self._version[v] += 1
        for v in sorted(touched):
            self._push(v)
        return True

    def _may_collapse(self, a: int, b: int) -> bool:
        around_a, around_b = self._neighbours(a), self._neighbours(b)
        shared = around_a & around_b
        on_boundary = a in self._next and b in self._next
        if len(shared) != (1 if on_boundary else 2):
            return False
        if any(v not in self._next and len(self._neighbours(v)) <= _MIN_VALENCE for v in shared):
            return False
        if len(around_a | around_b) - 2 - len(shared) > _MAX_VALENCE:
            return False
        return all(self._good_after(self._faces[k], a, b) for k in self._around[a] if b not in self._faces[k])

    def _good_after(self, face: tuple[int, ...], a: int, b: int) -> bool:
        old, new = self._at[list(face)], self._at[[b if v == a else v for v in face]]
        normal_old, normal_new = (np.cross(c[1] - c[0], c[2] - c[0]) for c in (old, new))
        length_old, length_new = np.linalg.norm(normal_old), np.linalg.norm(normal_new)
        longest = max(float(np.sum((new[i] - new[i - 1]) ** 2)) for i in range(3))
        upright = normal_old @ normal_new >= _MIN_NORMAL_COS * length_old * length_new
        return bool(length_new > 0 and upright and length_new >= _MIN_SHAPE * longest)

    def _push(self, a: int) -> None:
        if a in self._protected or a in self._next:
            return
        for b in sorted(self._neighbours(a)):
            at = np.append(self._at[b], 1.0)
            error = at @ (self._quadrics[a] + self._quadrics[b]) @ at
            cost = float(error + _LENGTH_COST * np.sum((self._at[a] - self._at[b]) ** 2))
            heapq.heappush(self._heap, (cost, a, b, int(self._version[a]), int(self._version[b])))

    def _neighbours(self, v: int) -> set[int]:
        return {u for k in self._around[v] for u in self._faces[k]} - {v}

    def _before(self, v: int) -> int:
        return next(a for a, b in self._next.items() if b == v)

    def _loop(self) -> list[int]:
        out = [min(self._next)]
        while self._next[out[-1]] != out[0]:
            out.append(self._next[out[-1]])
        return out

    def _face_quadrics(self) -> Floats:
        quadrics = np.zeros((len(self._at), 4, 4))
        for face in self._faces.values():
            corners = self._at[list(face)]
            normal = np.cross(corners[1] - corners[0], corners[2] - corners[0])
            area = np.linalg.norm(normal) / 2
            unit = normal / max(2 * area, 1e-15)
            plane = np.append(unit, -unit @ corners[0])
            quadrics[list(face)] += area * np.outer(plane, plane)
        return quadrics


def _boundary(triangles: Ints) -> dict[int, int]:
    """Next vertex along the boundary, by vertex: edges that only one triangle has."""
    edges = {(int(t[k]), int(t[(k + 1) % 3])) for t in triangles for k in range(3)}
    return {a: b for a, b in sorted(edges) if (b, a) not in edges}
