"""Write `oracle_values.json`: ratings and pairs of hands, and what independent packages say of them.

Run by hand, in an environment of its own with krippendorff, irrCAC (`--no-deps`: it pins old pandas), statsmodels,
pandas and pycocotools: `python tests/qc/oracle_values.py`. The tests read the file and need none of them.
"""

import json
from pathlib import Path

import numpy as np

OUT = Path(__file__).with_name("oracle_values.json")


def ratings(seed: int, raters: int, gaps: float) -> np.ndarray:
    """(80, raters) 0 or 1, -1 for a gap; the raters mostly follow a hidden truth of 20 % ones."""
    rng = np.random.default_rng(seed)
    truth = rng.random((80, 1)) < 0.2
    said = np.where(rng.random((80, raters)) < 0.85, truth, ~truth).astype(int)
    return np.where(rng.random(said.shape) < gaps, -1, said)


def coefficients(said: np.ndarray) -> dict[str, float]:
    import krippendorff
    import pandas as pd
    from irrCAC.raw import CAC
    from statsmodels.stats.inter_rater import fleiss_kappa

    known = np.where(said < 0, np.nan, said.astype(float))
    # without the categories said, its NaN is one of them under pandas 3, and AC1 is not the published one
    table = CAC(pd.DataFrame(known), weights="identity", categories=[0.0, 1.0], digits=15)
    found = {
        "alpha": float(krippendorff.alpha(reliability_data=known.T, level_of_measurement="nominal")),
        "ac1": float(table.gwet()["est"]["coefficient_value"]),
    }
    if (said >= 0).all():
        counts = np.stack([(said == c).sum(axis=1) for c in (0, 1)], axis=1)
        found["kappa"] = float(fleiss_kappa(counts, method="fleiss"))
    return found


def similarity(one: np.ndarray, other: np.ndarray, area: float, sigmas: np.ndarray) -> float:
    """Object keypoint similarity by COCO's own evaluation."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def annotation(points: np.ndarray, **more: float) -> dict:
        flat = np.concatenate([points, np.full((21, 1), 2)], axis=1).ravel().tolist()
        box = [*points.min(axis=0).tolist(), *np.ptp(points, axis=0).tolist()]
        return {"id": 1, "image_id": 1, "category_id": 1, "keypoints": flat, "num_keypoints": 21, "bbox": box,
                "area": area, "iscrowd": 0, **more}  # fmt: skip

    truth = COCO()
    truth.dataset = {"images": [{"id": 1}], "categories": [{"id": 1}], "annotations": [annotation(one)]}
    truth.createIndex()
    guess = COCO()
    guess.dataset = {**truth.dataset, "annotations": [annotation(other, score=1.0)]}
    guess.createIndex()
    evaluation = COCOeval(truth, guess, "keypoints")
    evaluation.params.kpt_oks_sigmas = sigmas
    evaluation._prepare()
    return float(evaluation.computeOks(1, 1)[0, 0])


def main() -> None:
    rng = np.random.default_rng(9)
    rated = [
        {"ratings": said.tolist(), "expected": coefficients(said)}
        for said in (ratings(0, 2, 0.0), ratings(1, 3, 0.0), ratings(2, 4, 0.25), ratings(3, 5, 0.5))
    ]
    pairs = []
    for _ in range(5):
        one = rng.uniform(0, 200, (21, 2))
        other = one + rng.normal(0, 8, (21, 2))
        area, sigmas = float(rng.uniform(5e3, 3e4)), rng.uniform(0.02, 0.08, 21)
        pairs.append(
            {"one": one.tolist(), "other": other.tolist(), "area": area, "sigmas": sigmas.tolist(),
             "expected": similarity(one, other, area, sigmas)}
        )  # fmt: skip
    OUT.write_text(json.dumps({"rated": rated, "pairs": pairs}) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
