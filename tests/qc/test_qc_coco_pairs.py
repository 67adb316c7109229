"""Which objects of two COCO files are one."""

import numpy as np
import pytest

from hint_tools.formats.coco_keypoints import CocoPose
from hint_tools.qc.coco_sigmas import match_annotations, measure_coco_sigmas


def test_objects_with_a_joint_far_off_are_paired_and_count_in_rms():
    """Two objects a picture; one joint in ten objects is a whole object away, and makes a box of its own."""
    rng = np.random.default_rng(3)
    people: dict[str, list[CocoPose]] = {"a": [], "b": []}
    squares = []
    for n in range(300):
        for k in range(2):
            truth, area = rng.uniform(0, 100, (17, 2)) + np.array([400 * k, 0]), 100.0**2
            made = [truth + rng.normal(size=(17, 2)) * 2.0 for _ in people]
            if rng.random() < 0.1:
                made[1][rng.integers(17)] += [0, 100]
            squares.append(((made[0] - made[1]) ** 2).sum(axis=1) / area)
            for number, (name, points) in enumerate(zip(people, made, strict=True)):
                seen = np.full(17, 2)
                people[name].append(CocoPose(f"{n}.jpg", f"{name}{n}{k}{number}", "1", points, seen, area, name))
    pairs = match_annotations(people)
    assert len(pairs.first) == 600
    found = measure_coco_sigmas(pairs, [f"j{k}" for k in range(17)], 50, 0)
    rms = [s.rms for s in found if s.state == "visible"]
    assert rms == pytest.approx(np.sqrt(np.mean(squares, axis=0) / 2).tolist(), rel=1e-9)
