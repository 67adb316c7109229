"""How fast a million candidates are chosen from: filter, drop near-duplicates, stratify, split.

    python benchmarks/sampling_table.py [--rows 1000000] [--videos 10000]

Synthetic candidates as a source would give them, one hand each, 20 videos a participant; the crop hashes of nine in ten
are random, the others within 3 bits of an earlier one. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from pathlib import Path

import numpy as np

from hint_tools.sample import filters
from hint_tools.sample.draw import take
from hint_tools.sample.duplicates import leaders
from hint_tools.sample.splits import Origin, assign
from hint_tools.sample.table import Verdicts, table_of
from hint_tools.sources.candidates import Candidate, HandBox

LIMIT_S, LIMIT_GIB = 60.0, 4.0
BITS = 3
NEAR = "near-duplicates of all rows"
KINDS = ("pre_45", "pre_30", "pre_15", "pre_frame", "contact_frame", "pnr_frame", "post_frame")
CONTACT = ("no_contact", "object_contact", "self_contact")


def candidates(n: int, videos: int) -> list[Candidate]:
    rng = np.random.default_rng(0)
    video, number = rng.integers(0, videos, n).tolist(), rng.integers(0, 9480, n).tolist()
    side, size = rng.integers(0, 2, n).tolist(), np.exp(rng.normal(5, 0.7, n)).tolist()
    kind, contact = rng.integers(0, 7, n).tolist(), rng.integers(0, 3, n).tolist()
    names = [f"video-{v:05d}" for v in range(videos)]
    people = [f"person-{v // 20:04d}" for v in range(videos)]
    file = Path("clip.mp4")
    return [
        Candidate(
            file=file, origin=names[v], unit=names[v], video=names[v], participant=people[v], frame_index=f,
            time_s=f / 30, action=f"{v}-{f // 300}", frame_type=KINDS[k],
            hands=(HandBox(box=(0, 0, z, z), side=("left", "right")[s], contact=CONTACT[c]),),
        )
        for v, f, s, z, k, c in zip(video, number, side, size, kind, contact, strict=True)
    ]  # fmt: skip


def hashes(n: int) -> np.ndarray:
    """Crop hashes: one in ten is near an earlier one."""
    rng = np.random.default_rng(1)
    values = rng.integers(0, 2**63, n, dtype=np.uint64) * np.uint64(2) + rng.integers(0, 2, n, dtype=np.uint64)
    copies = np.flatnonzero(rng.random(n) < 0.1)[1:]
    source = (rng.random(len(copies)) * copies).astype(np.int64)
    flips = np.bitwise_or.reduce(np.uint64(1) << rng.integers(0, 64, (BITS, len(copies)), dtype=np.uint64), axis=0)
    values[copies] = values[source] ^ flips
    return values


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--videos", type=int, default=10_000)
    options = parser.parse_args()
    pool, crops = candidates(options.rows, options.videos), hashes(options.rows)
    spent, start = {}, time.perf_counter()

    def lap(name: str) -> None:
        nonlocal start
        spent[name], start = round(time.perf_counter() - start, 2), time.perf_counter()

    table = table_of(pool, 0)
    verdicts = Verdicts(len(table))
    lap("table")
    filters.drop_unwanted(table, verdicts, min_hand_px=60, contact=CONTACT[1:], frame_types=())
    filters.keep_per_action(table, verdicts, 3, 0)
    filters.drop_repeated(table, verdicts)
    filters.keep_apart(table, verdicts, 0.5)
    lap("filter")
    all_near = leaders(crops, BITS)
    lap(NEAR)
    verdicts.drop(all_near >= 0, "near-duplicate")
    taken = take(
        table, verdicts, n=options.rows // 5, balance=("side", "size", "participant", "video"),
        quotas=("video=100", "participant=1500"), seed=0,
    )  # fmt: skip
    lap("stratify and draw")
    rows = np.flatnonzero(verdicts.alive)
    origins = [Origin(pool[i].video, pool[i].participant) for i in table.candidate[rows].tolist()]
    splits = assign(origins, {}, val_fraction=0.1, test_fraction=0.1, seed=0)
    people: dict[str, set[str]] = {}
    for origin, split in splits.items():
        people.setdefault(origin.participant, set()).add(split)
    assert all(len(s) == 1 for s in people.values())
    lap("split")
    assert len(rows) + sum(verdicts.counts().values()) == options.rows
    smaller = {n: _seconds(crops[:n]) for n in (options.rows // 4, options.rows // 2)}
    total = round(sum(spent.values()), 2)
    peak = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2)
    print(
        json.dumps(
            {
                "rows": options.rows, "videos": options.videos, "drawn": len(taken), "dropped": verdicts.counts(),
                "seconds": spent, "total_s": total, "limit_s": LIMIT_S, "peak_gib": peak, "limit_gib": LIMIT_GIB,
                "near_duplicates_found": int((all_near >= 0).sum()), "near_duplicate_seconds_by_rows": smaller,
                "fine": total <= LIMIT_S and peak <= LIMIT_GIB,
            },
            indent=1,
        )
    )  # fmt: skip


def _seconds(values: np.ndarray) -> float:
    start = time.perf_counter()
    leaders(values, BITS)
    return round(time.perf_counter() - start, 2)


if __name__ == "__main__":
    main()
