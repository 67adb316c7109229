"""The settings of the sampler on real files: each does what it says, and every hand is accounted for by name."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from hint_tools.core.errors import DataError
from hint_tools.core.report import Report
from hint_tools.media.images import encode_jpeg
from hint_tools.sample.config import SampleConfig
from hint_tools.sample.diversity import most_different
from hint_tools.sample.measure import look_at
from hint_tools.sample.run import run
from hint_tools.store.project import Project, create_project
from hint_tools.store.tables import FRAMES, HANDS
from hint_tools.synth.hands23_files import write_hands23
from hint_tools.synth.visor_files import visor_document

BOX = (20.0, 20.0, 120.0, 120.0)


def settings(source: str, root: Path, **more: object) -> SampleConfig:
    return SampleConfig.layered(("test", {"source": source, "root": root, **more}))


def accounted(report: Report) -> None:
    for prefix, taken, offered in (("dropped: ", "taken", "candidates"), ("hands dropped: ", "hands", "hands offered")):
        dropped = sum(n for name, n in report.counts.items() if name.startswith(prefix))
        assert report.counts[taken] + dropped == report.counts[offered]


def photo(seed: int, *, blur: int = 0, brightness: float = 1.0, shift: int = 0) -> bytes:
    """A picture of smooth shapes with fine texture; the same seed looks the same but for small changes."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:160, 0:200]
    waves = sum(np.sin((x + shift) * a + y * b + c) for a, b, c in rng.uniform([0.02, 0.02, 0], [0.3, 0.3, 6], (6, 3)))
    grey = 128 + 15 * waves + rng.normal(0, 8, (160, 200))
    if blur:
        kernel = np.ones(blur) / blur
        for axis in (0, 1):
            grey = np.apply_along_axis(lambda line: np.convolve(line, kernel, "same"), axis, grey)
    picture = np.clip(grey * brightness, 0, 255).astype(np.uint8)
    return encode_jpeg(np.repeat(picture[..., None], 3, axis=2))


def newdays(video: int, frame: int) -> str:
    return f"ND_video{video:06d}_frame{frame:06d}.jpg"


def archive(root: Path, pictures: dict[str, bytes], hands: object = (("left", "no_contact", BOX),)) -> Path:
    write_hands23(root, "TRAIN", {name: (jpeg, hands) for name, jpeg in pictures.items()})
    return root


def names(project: Project) -> set[str]:
    return {Path(f.origin).name for f in project.read(FRAMES)}


def test_blurred_dark_and_repeated_crops_are_refused(project: Project, tmp_path: Path) -> None:
    good = {newdays(i, 1): photo(i) for i in range(8)}
    bad = {
        newdays(20, 1): photo(20, blur=9), newdays(21, 1): photo(21, brightness=0.01),
        newdays(0, 2): photo(0, brightness=1.04),
    }  # fmt: skip
    root = archive(tmp_path / "h", good | bad)
    config = settings("hands23", root, min_sharpness=0.4, max_clipped=0.5, duplicate_bits=6, explain=True)
    report = run(config, project)
    accounted(report)
    assert report.counts["hands dropped: less sharp than its source"] == 1
    assert report.counts["hands dropped: too dark or too bright"] == 1
    assert report.counts["hands dropped: nearly the same as another hand"] == 1
    assert len(names(project) & {newdays(0, 1), newdays(0, 2)}) == 1
    assert len(names(project)) == 8
    lines = list(csv.DictReader(project.path("sample/explain.csv").read_text().splitlines()))
    assert Counter(line["verdict"] for line in lines) == {"taken": 8, "dropped": 3}
    why = {line["unit"]: line["why"] for line in lines}
    assert why[newdays(20, 1)] == "less sharp than its source"
    ids = {h.hand_id for h in project.read(HANDS)}
    assert {line["id"] for line in lines if line["verdict"] == "taken"} == ids
    turns = sorted(int(line["why"].split()[1]) for line in lines if line["verdict"] == "taken")
    assert turns == list(range(1, 9))
    page = project.path("sample/report.html").read_text()
    assert "Contact sheet" in page
    assert "less sharp than its source" in page
    before = {p: p.read_bytes() for p in (project.table_path(FRAMES), project.path("sample/report.html"))}
    run(config, project)
    assert {p: p.read_bytes() for p in before} == before


def test_near_duplicates_in_another_source_and_moments_two_sources_claim(project: Project, tmp_path: Path) -> None:
    epic = tmp_path / "epic" / "GroundTruth-SparseAnnotations"
    square = [[[20, 20], [120, 20], [120, 120], [20, 120]]]
    document = visor_document("P03_10", {n: [("left", square, "cup")] for n in (249, 300)})
    (epic / "annotations" / "train").mkdir(parents=True)
    (epic / "annotations" / "train" / "P03_10.json").write_text(json.dumps(document))
    (epic / "rgb_frames" / "train" / "P03" / "P03_10").mkdir(parents=True)
    for number in (249, 300):
        jpeg = photo(number)
        (epic / "rgb_frames" / "train" / "P03" / "P03_10" / f"P03_10_frame_{number:010d}.jpg").write_bytes(jpeg)
    blurred = {f"EK_0064_P03_10_frame_{n:010d}.jpg": photo(n, brightness=1.05, shift=n == 250) for n in (249, 250, 400)}
    copied = {newdays(1, 1): photo(300), newdays(2, 1): photo(7), newdays(3, 1): photo(7, shift=1)}
    first = run(settings("hands23", archive(tmp_path / "h", blurred | copied), test_fraction=0.5), project)
    accounted(first)
    # picture 249 came by Hands23; of the other the pixels are there under another name: 160 x 200 is not 1920 x 1080
    with pytest.raises(DataError, match="1 the same moment came from another source"):
        run(settings("epic", tmp_path / "epic"), project)
    wider = archive(tmp_path / "h2", {newdays(9, 1): photo(7, brightness=1.02), newdays(9, 2): photo(99)})
    second = run(settings("hands23", wider, name="more", duplicate_bits=6), project)
    accounted(second)
    assert second.counts["hands dropped: nearly the same as another hand"] == 1
    assert {Path(f.origin).name for f in project.read(FRAMES) if f.source == "more"} == {newdays(9, 2)}
    again = archive(tmp_path / "h3", {newdays(9, 5): photo(99), newdays(9, 6): photo(98)})
    third = run(settings("hands23", again, name="again"), project)
    assert third.counts["dropped: the same picture came from another source"] == 1


def test_every_level_balances_and_limits(tmp_path: Path, ego4d: Path) -> None:
    """A quota of one each lets one of each value through; drawn in turn by it, as many are all different."""
    root = four_collections(tmp_path / "h")
    for level, n in {"source": 4, "video": 7, "participant": 3, "side": 2, "contact": 2, "size": 2}.items():
        assert drawn_by(tmp_path / level, settings("hands23", root), level) == n
    every = settings("ego4d", ego4d, per_action=6)
    for level, n in {"action": 40, "frame_type": 6, "participant": 3, "source": 1}.items():
        assert drawn_by(tmp_path / f"ego4d {level}", every, level) == n


def test_quotas_as_they_are_typed(tmp_path: Path) -> None:
    create_project(tmp_path / "project", "round1")
    command = [Path(sys.executable).with_name("hint"), "sample", "--project", tmp_path / "project", "--json"]
    command += ["--source", "hands23", "--root", four_collections(tmp_path / "h"), "--balance", "source"]
    command += ["--balance", "side", "--quota", "source:coco=1", "--quota", "source:epick=1"]
    counts = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)["counts"]
    assert (counts["taken"], counts["dropped: quota of source epick full"]) == (6, 1)


def four_collections(root: Path) -> Path:
    """Hands23 with pictures of all its collections, their hands small and left or large and right by turns."""
    hands = (("left", "no_contact", (20.0, 20.0, 45.0, 50.0)), ("right", "object_contact", BOX))
    listed = [*(newdays(v, 1) for v in range(3)), *(f"EK_0064_P0{v}_10_frame_0000000249.jpg" for v in (1, 2))]
    listed += ["CC_000000000009.jpg", "AR_9HvbAaq670Y_19_3510_5.jpg"]
    write_hands23(root, "TRAIN", {name: (photo(n), (hands[n % 2],)) for n, name in enumerate(listed)})
    return root


def drawn_by(folder: Path, config: SampleConfig, level: str) -> int:
    """How many frames a quota of one each lets through."""
    limited = run(config.model_copy(update={"quota": (f"{level}=1",)}), create_project(folder / "quota", "a"))
    accounted(limited)
    n = int(limited.counts["taken"])
    taken = []
    for quota in ((), (f"{level}=1",)):
        project = create_project(folder / f"balanced {len(quota)}", "a")
        run(config.model_copy(update={"balance": (level,), "n": n, "quota": quota}), project)
        taken.append({f.frame_id for f in project.read(FRAMES)})
    assert taken[0] == taken[1]
    assert len(taken[0]) == n
    return n


def test_balance_quota_contact_and_one_hand(project: Project, tmp_path: Path) -> None:
    both = (("left", "no_contact", BOX), ("right", "object_contact", (60.0, 30.0, 190.0, 150.0)))
    pictures = {newdays(v, k): photo(10 * v + k) for v in range(3) for k in range(6)}
    root = archive(tmp_path / "h", pictures, both)
    report = run(settings("hands23", root, one_hand=True, balance=["side"], quota=["video=3"]), project)
    accounted(report)
    assert report.counts["dropped: quota of video full"] == 9
    assert Counter(f.video for f in project.read(FRAMES)) == {f"video{v:06d}": 3 for v in range(3)}
    sides = Counter(h.side for h in project.read(HANDS))
    assert sum(sides.values()) == 9
    report = run(settings("hands23", root, contact=["object_contact"], n=4), project)
    accounted(report)
    assert {h.side for h in project.read(HANDS)} == {"right"}
    told = [json.loads(h.attributes) for h in project.read(HANDS)]
    assert {(t["contact"], t["collection"]) for t in told} == {("object_contact", "newdays")}
    assert "Contact." in project.path("sample/report.html").read_text()
    assert report.counts["hands dropped: contact state not wanted"] == 18
    report = run(settings("hands23", root, whole=True), project)
    assert report.counts["hands"] == 36
    edge = archive(tmp_path / "edge", pictures, (("left", "no_contact", (-4.0, 9.0, 50.0, 60.0)), both[1]))
    report = run(settings("hands23", edge, whole=True), project)
    accounted(report)
    assert report.counts["hands dropped: touches the picture's border"] == 18


def test_repeats_are_hands_of_their_own_and_stay_chosen(project: Project, tmp_path: Path) -> None:
    pictures = {newdays(v, 1): photo(v) for v in range(12)}
    report = run(settings("hands23", archive(tmp_path / "h", pictures), repeats=4), project)
    hands = {h.hand_id: h for h in project.read(HANDS)}
    again = {h.hand_id: json.loads(h.attributes)["repeat_of"] for h in hands.values() if "repeat_of" in h.attributes}
    assert report.counts["hands to repeat"] == len(again) == 4
    for repeat, original in again.items():
        assert (hands[repeat].frame_id, hands[repeat].side) == (hands[original].frame_id, hands[original].side)
        np.testing.assert_array_equal(hands[repeat].box, hands[original].box)
        assert hands[repeat].reason == f"repeat of {original}"
    run(settings("hands23", tmp_path / "h", repeats=6), project)
    assert again.keys() < {h.hand_id for h in project.read(HANDS)}


def test_official_splits_are_kept_and_their_leaks_told(project: Project, tmp_path: Path) -> None:
    root, hands = tmp_path / "h", (("left", "no_contact", BOX),)
    write_hands23(root, "TRAIN", {newdays(1, 1): (photo(1), hands), newdays(2, 1): (photo(2), hands)})
    write_hands23(root, "TEST", {newdays(2, 2): (photo(3), hands)})
    report = run(settings("hands23", root, splits="official"), project)
    assert {Path(f.origin).name: f.split for f in project.read(FRAMES)} == {
        newdays(1, 1): "train", newdays(2, 1): "train", newdays(2, 2): "test",
    }  # fmt: skip
    (leak,) = [f for f in report.findings if f.code == "sample.official-splits-leak"]
    assert "video000002" in leak.message
    fresh = create_project(tmp_path / "fresh", "round1")
    run(settings("hands23", root), fresh)
    assert all(len({f.split for f in fresh.read(FRAMES) if f.video == v}) == 1 for v in ("video000001", "video000002"))


def test_diversity_takes_the_odd_ones(project: Project, tmp_path: Path) -> None:
    alike = {newdays(v, 1): photo(1, shift=v % 3, brightness=1 + v / 300) for v in range(12)}
    odd = {newdays(30 + k, 1): photo(50 + k) for k in range(3)}
    root = archive(tmp_path / "h", alike | odd)
    report = run(settings("hands23", root, n=4, diversity=4), project)
    accounted(report)
    assert set(odd) < names(project)
    assert report.counts["hands dropped: less different than those taken"] == 11


def test_farthest_first_covers_within_twice_the_best() -> None:
    """Gonzalez' bound, against all choices of three of nine points."""
    import itertools

    for seed in range(30):
        points = np.random.default_rng(seed).random((9, 2)).astype(np.float32)

        def reach(chosen: object, points: np.ndarray = points) -> float:
            return float(np.linalg.norm(points[:, None] - points[list(chosen)], axis=2).min(axis=1).max())

        best = min(reach(c) for c in itertools.combinations(range(9), 3))
        chosen = most_different(points, 3)
        assert chosen[0] == 0
        assert len(set(chosen.tolist())) == 3
        assert reach(chosen) <= 2 * best + 1e-6


def test_sharpness_falls_with_blur_whatever_the_contrast() -> None:
    from hint_tools.media.images import decode_image

    def sharpness(**more: float) -> float:
        return look_at(decode_image(photo(3, **more), "x"), BOX).sharpness

    plain = sharpness()
    assert sharpness(blur=3) < 0.7 * plain
    assert sharpness(blur=9) < 0.4 * plain
    assert sharpness(brightness=0.6) == pytest.approx(plain, rel=0.15)
