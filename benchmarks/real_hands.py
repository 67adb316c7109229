"""The whole round on photographs nobody here made: `../shared/data/real_hands`.

    python benchmarks/real_hands.py [--data ../shared/data/real_hands] [--out DIR] [--markdown docs/results.md]

Samples the folder, pre-labels, pushes to a real Label Studio, answers as one annotator who starts from the pre-label
and corrects it to the ground truth, pulls, checks, fits, releases, trains a small network and scores it. Prints how
many hands were found, PCK of the pre-labels, and the reprojection error of the fits, by dataset.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hint_tools.core.geometry import iou
from hint_tools.core.records import Fit, Prediction, Visibility
from hint_tools.core.report import Report
from hint_tools.labelstudio.answering import Answer, TaskView, annotators, answer_tasks
from hint_tools.labelstudio.connection import connect
from hint_tools.pipeline.stages import settings, stage
from hint_tools.store.project import Project, create_project
from hint_tools.store.tables import CONSENSUS, FITS, FRAMES, PREDICTIONS

THRESHOLDS = (0.05, 0.1, 0.2)
SMALL_STEPS = 60
LEAD_TIME_S = 20.0
ANNOTATOR = "corrector@hint.local"


@dataclass(frozen=True)
class Truth:
    """One labelled hand of the photographs; px with the centre of the top-left pixel at (0, 0)."""

    dataset: str
    file: str
    side: str | None
    box: np.ndarray
    keypoints: np.ndarray
    labelled: np.ndarray

    @property
    def size_px(self) -> float:
        """What PCK divides by: the longer side of the annotated box."""
        return float((self.box[2:] - self.box[:2]).max())


def read_truth(data: Path) -> list[Truth]:
    rows = json.loads((data / "hands.json").read_text())
    truths = []
    for row in rows:
        x, y, w, h = row["bbox_xywh"]
        box = np.array([x, y, x + w, y + h]) - 0.5
        labelled = np.array(row["labelled"], bool)
        truths.append(Truth(row["dataset"], f"{row['dataset']}/{row['file']}", row["side"], box,
                            np.array(row["keypoints"], float), labelled))  # fmt: skip
    return truths


def write_boxes(truths: list[Truth], target: Path) -> None:
    """The boxes as a COCO file, as a user would bring them."""
    files = sorted({t.file for t in truths})
    images = [{"id": i, "file_name": f} for i, f in enumerate(files)]
    annotations = []
    for number, t in enumerate(truths):
        x0, y0, x1, y1 = (t.box + 0.5).tolist()
        row: dict[str, Any] = {"id": number, "image_id": files.index(t.file), "bbox": [x0, y0, x1 - x0, y1 - y0]}
        annotations.append(row | ({"hand_side": t.side} if t.side else {}))
    target.write_text(json.dumps({"images": images, "annotations": annotations}))


def run_stage(project: Project, name: str, /, **values: Any) -> Report:
    chosen = stage(name)
    report = chosen.run_function()(settings(chosen, project, "real_hands", values), project)
    print(f"{name}: {report.counts}")
    return report


def matched(project: Project, truths: list[Truth]) -> dict[str, Truth]:
    """hand_id -> the labelled hand it is, by file and overlap of boxes; each labelled hand once."""
    origin = {f.frame_id: f.origin for f in project.read(FRAMES)}
    pairs = [
        (float(iou(h.box, t.box)), h.hand_id, number)
        for h in project.hands()
        for number, t in enumerate(truths)
        if origin[h.frame_id].endswith(t.file)
    ]
    found: dict[str, Truth] = {}
    used: set[int] = set()
    for overlap, hand_id, number in sorted(pairs, reverse=True):
        if overlap > 0.1 and hand_id not in found and number not in used:
            found[hand_id] = truths[number]
            used.add(number)
    return found


def hits(keypoints: np.ndarray, truth: Truth) -> list[np.ndarray]:
    """For each threshold, which labelled joints lie within it."""
    distance = np.linalg.norm(keypoints - truth.keypoints, axis=1)[truth.labelled] / truth.size_px
    return [distance <= t for t in THRESHOLDS]


def corrector(hands: dict[str, Truth]) -> Any:
    def give(view: TaskView) -> Answer:
        truth = hands[view.hand_id]
        side = truth.side or view.side or "right"
        start = view.keypoints if view.keypoints is not None else truth.keypoints
        keypoints = np.where(truth.labelled[:, None], truth.keypoints, start)
        visibility = np.where(truth.labelled, Visibility.VISIBLE, Visibility.NOT_ANNOTATABLE).astype(np.int8)
        return Answer(keypoints=keypoints, visibility=visibility, box=truth.box, side=side, lead_time_s=LEAD_TIME_S)

    return give


def detection_table(root: Path, data: Path, truths: list[Truth]) -> dict[str, tuple[int, list[list[np.ndarray]]]]:
    """Full frames, no boxes: found hands and their hits by dataset."""
    project = create_project(root / "found", "found")
    run_stage(project, "sample", source="folder", root=data / "images", val_fraction=0.0, test_fraction=0.0)
    run_stage(project, "prelabel")
    found = matched(project, truths)
    by_hand = {p.hand_id: p for p in project.read(PREDICTIONS)}
    table: dict[str, tuple[int, list[list[np.ndarray]]]] = {}
    for dataset in sorted({t.dataset for t in truths}):
        mine = [h for h, t in found.items() if t.dataset == dataset]
        table[dataset] = (len(mine), [hits(by_hand[h].keypoints, found[h]) for h in mine])
    return table


def round_with_boxes(root: Path, data: Path, truths: list[Truth]) -> tuple[Project, dict[str, Truth]]:
    boxes = root / "boxes.json"
    write_boxes(truths, boxes)
    project = create_project(root / "round", "real hands")
    run_stage(
        project, "sample", source="folder", root=data / "images", boxes=boxes, val_fraction=0.0, test_fraction=0.0
    )
    run_stage(project, "prelabel", detector="none")
    hands = matched(project, truths)
    if len(hands) != len(truths):
        raise SystemExit(f"{len(truths)} hands have a box, {len(hands)} of them are in the project")
    run_stage(project, "server", annotators=[ANNOTATOR])
    try:
        run_stage(project, "push", maximum_annotations=1)
        for person in annotators(project):
            posted = answer_tasks(connect(project), person, corrector(hands))
            print(f"answers posted by {person.email}: {posted}")
        run_stage(project, "pull")
    finally:
        run_stage(project, "server-down", annotators=[ANNOTATOR])
    for name, values in (("qc", {}), ("fit", {}), ("release", {"name": "real"})):
        run_stage(project, name, **values)
    release = project.root / "releases" / "real"
    run_stage(project, "train", release=release, name="small", preset="small", steps=SMALL_STEPS, batch_size=13)
    checkpoint = next(iter(sorted((project.root / "runs" / "small").rglob("*.ckpt"))))
    run_stage(project, "benchmark", checkpoint=checkpoint, release=release, split="train", out=root / "benchmark")
    return project, hands


def pooled(rows: list[list[np.ndarray]]) -> str:
    if not rows:
        return "– / – / –"
    shares = [np.concatenate([r[k] for r in rows]).mean() * 100 for k in range(len(THRESHOLDS))]
    return " / ".join(f"{s:.1f}" for s in shares)


def fit_error(fits: dict[str, Fit], hands: dict[str, Truth], chosen: list[str]) -> str:
    """Median over hands of the mean distance of labelled joints to the fit, share of the box's longer side."""
    errors = [
        np.linalg.norm(fits[h].keypoints - hands[h].keypoints, axis=1)[hands[h].labelled].mean() / hands[h].size_px
        for h in chosen
        if h in fits
    ]
    accepted = sum(fits[h].accepted for h in chosen if h in fits)
    return f"{100 * np.median(errors):.1f} % ({accepted} of {len(errors)})" if errors else "–"


def table(project: Project, hands: dict[str, Truth], truths: list[Truth], found: dict[str, Any]) -> str:
    by_hand: dict[str, Prediction] = {p.hand_id: p for p in project.read(PREDICTIONS)}
    consensus = {c.hand_id: c for c in project.read(CONSENSUS)}
    fits = {f.hand_id: f for f in project.read(FITS)}
    kept = [np.abs(consensus[h].keypoints - t.keypoints)[t.labelled].max() for h, t in hands.items() if h in consensus]
    lines = [
        "| photographs of | hands | answered with a given box | PCK@.05/.1/.2 with box | found in full frames "
        "| PCK@.05/.1/.2 of found | fit: median error, share of box (accepted) |",
        "|---|---|---|---|---|---|---|",
    ]
    groups = [*sorted({t.dataset for t in truths}), "all"]
    rows: dict[str, list[str]] = defaultdict(list)
    for hand_id, truth in hands.items():
        rows[truth.dataset].append(hand_id)
        rows["all"].append(hand_id)
    for group in groups:
        chosen = rows[group]
        answered = [h for h in chosen if h in by_hand]
        datasets = [d for d in found if group in (d, "all")]
        n_found = sum(found[d][0] for d in datasets)
        found_hits = [row for d in datasets for row in found[d][1]]
        with_box = pooled([hits(by_hand[h].keypoints, hands[h]) for h in answered])
        lines.append(
            f"| {group} | {len(chosen)} | {len(answered)} | {with_box} | {n_found} | {pooled(found_hits)} "
            f"| {fit_error(fits, hands, chosen)} |"
        )
    lines.append("")
    lines.append(f"Largest distance between what the annotator saw as truth and the consensus: {max(kept):.2g} px.")
    return "\n".join(lines)


def main() -> None:
    default = Path(__file__).resolve().parents[2] / "shared" / "data" / "real_hands"
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=default)
    parser.add_argument("--out", type=Path, help="keep the projects here (default: a temporary folder)")
    parser.add_argument("--markdown", type=Path, help="also put the table between the marks of this file")
    arguments = parser.parse_args()
    truths = read_truth(arguments.data)
    root = arguments.out or Path(tempfile.mkdtemp(prefix="hint-real-"))
    root.mkdir(parents=True, exist_ok=True)
    try:
        found = detection_table(root, arguments.data, truths)
        project, hands = round_with_boxes(root, arguments.data, truths)
        text = table(project, hands, truths, found)
    finally:
        if arguments.out is None:
            shutil.rmtree(root, ignore_errors=True)
    print(text)
    if arguments.markdown:
        begin, end = "<!-- real_hands: begin -->", "<!-- real_hands: end -->"
        page = arguments.markdown.read_text()
        head, _, rest = page.partition(begin)
        _, _, tail = rest.partition(end)
        arguments.markdown.write_text(f"{head}{begin}\n{text}\n{end}{tail}")


if __name__ == "__main__":
    main()
