"""Files of any model, in any order, on a release, on the published tree, and beside another model."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hint_tools.benchmark.breakdown import groups
from hint_tools.benchmark.config import BenchmarkConfig
from hint_tools.benchmark.leaderboard import hint_section, published
from hint_tools.benchmark.run import run
from hint_tools.core.errors import ConfigError, DataError, ExitCode
from hint_tools.data.evaluation import EvaluationSet, read_npz_set, read_release_sets
from hint_tools.data.published_sets import is_published, read_published_sets
from hint_tools.formats import hamer_npz
from hint_tools.formats.predictions import HandAnswers, encode
from hint_tools.store.project import Project

SPLIT = "train"


@pytest.fixture(scope="module")
def release(project: Project) -> Path:
    return project.root / "releases" / "r1"


def perfect(sets: list[EvaluationSet], noise_px: float = 0.0, seed: int = 0) -> HandAnswers:
    """The truth, shuffled, with `noise_px` of noise."""
    random = np.random.default_rng(seed)
    points = np.concatenate([s.keypoints_2d for s in sets])
    order = random.permutation(len(points))
    return HandAnswers(
        model=f"noise {noise_px:g}",
        image=np.concatenate([s.names for s in sets])[order],
        right=np.concatenate([s.right for s in sets])[order],
        keypoints=(np.where(np.isfinite(points), points, 0) + random.normal(scale=noise_px, size=points.shape))[order],
        center=np.concatenate([s.centers_px for s in sets])[order],
    )


def scored(answers: HandAnswers, release: Path, folder: Path, **more: object) -> dict:
    folder.mkdir(exist_ok=True)
    path = folder / "answers.npz"
    path.write_bytes(encode(answers))
    config = BenchmarkConfig(predictions=path, release=release, split=SPLIT, out=folder, bootstrap=50, examples=0)
    return run(config.model_copy(update=more)).details


def test_order_does_not_matter_and_the_truth_scores_one(release: Path, tmp_path: Path) -> None:
    answers = perfect(read_release_sets(release, split=SPLIT))
    document = scored(answers, release, tmp_path / "a")
    for source in document["sources"]:
        assert {s["joints"] for s in source["subsets"]} == {"all", "visible", "occluded"}
        for subset in source["subsets"]:
            if subset["counted_joints"]:
                assert [v["mean"] for v in subset["pck"].values()] == [1.0, 1.0, 1.0]
                assert subset["auc"] == pytest.approx(1.0)
        assert "pose" not in source
    again = scored(perfect(read_release_sets(release, split=SPLIT), seed=1), release, tmp_path / "b")
    assert again["sources"] == document["sources"]


def test_missing_answers_are_never_scored_silently(release: Path, tmp_path: Path) -> None:
    sets = read_release_sets(release, split=SPLIT)
    answers = perfect(sets)
    lost = sets[0].names[0]
    keep = answers.image != lost
    columns = {k: getattr(answers, k)[keep] for k in ("image", "right", "keypoints", "center")}
    few = replace(answers, **columns)
    with pytest.raises(DataError, match=f"no answer for 1 of {len(sets[0])} hands of {sets[0].name}: {lost}") as caught:
        scored(few, release, tmp_path / "a")
    assert caught.value.exit_code == ExitCode.DATA
    assert not (tmp_path / "a" / "metrics.json").exists()
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "answers.npz").write_bytes(encode(few))
    # with one hand in that source none is left, so the other sources alone are scored
    names = tuple(s.name for s in sets if len(s) > 1) or tuple(s.name for s in sets[1:])
    report = run(
        BenchmarkConfig(
            predictions=tmp_path / "b" / "answers.npz",
            release=release,
            split=SPLIT,
            sources=names,
            on_missing="skip",
            out=tmp_path / "b",
        )
    )
    unanswered = {s["source"]: s["unanswered"] for s in report.details["sources"]}
    assert sum(unanswered.values()) == int(sets[0].name in names)
    if sets[0].name in names:
        assert "benchmark.predictions-missing" in {f.code for f in report.findings}
        assert "were left out" in (tmp_path / "b" / "report.html").read_text()


def test_answers_for_other_images_and_sides_are_exit_4(release: Path, tmp_path: Path) -> None:
    answers = perfect(read_release_sets(release, split=SPLIT))
    for wrong in (
        replace(answers, right=~answers.right),
        replace(answers, image=np.char.add("other/", answers.image)),
        replace(answers, center=answers.center + 30),
    ):
        with pytest.raises(DataError, match="no answer for"):
            scored(wrong, release, tmp_path / "x")


def test_a_model_is_one_thing(release: Path, tmp_path: Path, checkpoint: Path) -> None:
    with pytest.raises(ConfigError, match="neither"):
        run(BenchmarkConfig(release=release))
    with pytest.raises(ConfigError, match="both"):
        run(BenchmarkConfig(release=release, checkpoint=checkpoint, predictions=tmp_path / "x"))


def test_options_without_effect_are_told(release: Path, tmp_path: Path) -> None:
    for more, words in (
        ({"release": release, "shard": "0/2"}, "--shard means nothing with a predictions file"),
        ({"release": release, "root": tmp_path}, "--root means nothing with --dataset hint"),
        ({"dataset": "freihand", "root": tmp_path, "crop": "demo"}, "--crop means nothing with --dataset freihand"),
        ({"dataset": "ho3d-v2", "root": tmp_path, "as_reference": True}, "--as-reference means nothing"),
    ):
        with pytest.raises(ConfigError, match=words):
            run(BenchmarkConfig(predictions=tmp_path / "x", **more))


def test_two_models_on_the_same_hands(release: Path, tmp_path: Path) -> None:
    sets = read_release_sets(release, split=SPLIT)
    scored(perfect(sets, 9.0), release, tmp_path / "noisy")
    document = scored(perfect(sets), release, tmp_path / "a", compare=tmp_path / "noisy" / "metrics.json")
    rows = document["comparison"]["differences"]
    assert document["comparison"]["other_model"] == "noise 9"
    for row in rows:
        assert row["difference"] == pytest.approx(row["own"] - row["other"])
        assert row["low"] <= row["difference"] + 1e-9
    assert any(row["difference"] > 0 for row in rows)
    # a model against itself: no difference, and no chance of one
    same = scored(perfect(sets, 9.0), release, tmp_path / "b", compare=tmp_path / "noisy" / "predictions.npz")
    assert {(r["difference"], r["low"], r["high"]) for r in same["comparison"]["differences"]} == {(0.0, 0.0, 0.0)}
    assert "Two models" in (tmp_path / "a" / "report.html").read_text()


def test_the_published_tree_scores_as_the_release_it_came_from(release: Path, tmp_path: Path) -> None:
    tree = tmp_path / "HInt"
    for folder in release.glob("*_img"):
        shutil.copytree(folder, tree / folder.name)
    assert is_published(tree)
    answers = perfect(read_release_sets(release, split=SPLIT), 8.0)
    ours, theirs = (scored(answers, root, tmp_path / name) for root, name in ((release, "a"), (tree, "b")))
    for one, other in zip(ours["sources"], theirs["sources"], strict=True):
        assert one["subsets"] == other["subsets"]
        assert one["groups"] == other["groups"]
    folder = next(tree.glob("TRAIN_*_img"))
    folder.rename(tree / folder.name.replace("_img", "_seq"))
    names = {s.name for s in read_published_sets(tree, split=SPLIT)}
    assert any(n.endswith("_seq") for n in names)
    next(tree.glob("TRAIN_*/*.json")).write_text("{}")
    with pytest.raises(DataError, match=r"1 of \d annotations can't be read"):
        read_published_sets(tree, split=SPLIT)
    with pytest.raises(DataError, match="no folder of split 'val'"):
        read_published_sets(tree, split="val")


def test_a_label_without_an_image_a_row_twice_and_nan_are_exit_4(release: Path, tmp_path: Path) -> None:
    npz = next((release / "eval").glob("TRAIN_*_all.npz"))
    images = release / npz.stem.removesuffix("_all")
    hands = hamer_npz.decode(npz.read_bytes(), "x")
    path = tmp_path / "one.npz"

    def refused(words: str, folder: Path = images, **change: np.ndarray) -> None:
        path.write_bytes(hamer_npz.encode(replace(hands, **change)))
        with pytest.raises(DataError, match=words):
            read_npz_set(path, folder)

    refused("images are missing", tmp_path)
    refused(r"1 of \d images are missing", imgname=np.array(["no.jpg", *hands.imgname[1:]]))
    doubled = {k: np.concatenate([getattr(hands, k)] * 2) for k in ("imgname", "center", "scale", "right")}
    doubled["hand_keypoints_2d"] = np.concatenate([hands.hand_keypoints_2d] * 2)
    absent = dict.fromkeys(("hand_keypoints_3d", "hand_pose", "has_hand_pose", "betas", "has_betas", "personid"), None)
    refused(f"{len(hands)} of {2 * len(hands)} hands stand there more than once", **doubled, **absent)
    points = hands.hand_keypoints_2d.copy()
    points[0, 0] = [np.nan, 3.0, 1.0]
    refused("not finite", hand_keypoints_2d=points)
    refused("without an extent", scale=np.zeros_like(hands.scale))
    # a joint that is not annotated may say anything
    points[0, 0] = [np.nan, np.nan, 0.0]
    path.write_bytes(hamer_npz.encode(replace(hands, hand_keypoints_2d=points)))
    assert len(read_npz_set(path, images)) == len(hands)


def test_every_hand_is_in_one_part_of_each_kind(release: Path) -> None:
    for hands in read_release_sets(release, split=SPLIT):
        members: dict[str, np.ndarray] = {}
        for by, _, chosen in groups(hands):
            members[by] = members.get(by, np.zeros(len(hands), dtype=int)) + chosen
        assert (members["side"] == 1).all()
        assert (members["size"] == 1).all()
        named = np.array([f"clip_action_{i}_{'pnr_frame' if i else 'pre_45'}_l.jpg" for i in range(len(hands.hands))])
        hands.hands = replace(hands.hands, imgname=named)
        kinds = [(name, int(chosen.sum())) for by, name, chosen in groups(hands) if by == "frame type"]
        assert kinds == [(k, n) for k, n in (("pre_45", 1), ("pnr_frame", len(hands) - 1)) if n]


def test_published_numbers_name_their_source_and_blanks_stay_blank() -> None:
    document = published()
    for table in ("hint_pck_005", "freihand", "ho3d-v2", "ho3d-v3"):
        for row in document[table]:
            assert row["from"] in document["sources"]
            for value in row.values():
                numbers = value if isinstance(value, list) else [value]
                assert all(n is None or isinstance(n, str) or 0 < n < 100 for n in numbers)
    hamer = next(row for row in document["hint_pck_005"] if row["model"] == "HaMeR")
    assert hamer["visible"] == [60.8, None, None]
    assert "not confirmed" in hamer["remark"]
    assert hint_section([], "ours", whole=False) is None
