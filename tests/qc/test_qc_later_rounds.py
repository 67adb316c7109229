"""Agreement within rounds of second looks: rows of their own that move no other figure."""

import csv
import json

import numpy as np
import pytest
from qc_rounds import answer, changed, joints_of, make_round, swapped
from test_qc_run import project_of

from hint_tools.core.ids import task_key
from hint_tools.qc.config import QcConfig
from hint_tools.qc.run import run

CONFIG = QcConfig(bootstrap=60, report_hands=0)


def look(made, hand, name, number, noise, rng):
    """An answer of a later round, `noise` of the hand away from the truth."""
    joints = made.truth[hand] + rng.normal(size=(21, 2)) * noise * made.scale[hand]
    key = task_key(f"h{hand:05d}", number)
    return answer(f"h{hand:05d}", name, joints, made.visibility[hand], number=1000 * (number + 1) + hand, task_key=key)


def measured(folder, made, config=CONFIG):
    project = project_of(folder, made)
    run(config, project)
    return project.root / "qc", json.loads((project.root / "qc/qc.json").read_text(encoding="utf-8"))


def rounds(results):
    return {a["name"]: a for a in results["agreement"] if a["group"] == "round"}


@pytest.fixture
def made():
    found = make_round(40, 3, seed=3, noise=2)
    for hand in (1, 2, 30):
        changed(found, hand, "bo", keypoints=joints_of(found, hand, "bo")[swapped(1, 3)])
    return found


def twice_looked(made):
    rng = np.random.default_rng(1)
    for hand in range(16):
        made.submissions += [look(made, hand, name, 1, 0.01, rng) for name in ("bo", "di")]
    for hand in range(8):  # the last round decides these: what was said in the second is overruled, and still compared
        made.submissions += [look(made, hand, name, 2, 0.03, rng) for name in ("ana", "bo")]
    made.submissions += [look(made, 20, "ana", 3, 0.01, rng)]  # nobody else answered in that round
    return made


def test_each_round_is_compared_within_itself_and_with_nothing_else(tmp_path, made):
    before_at, before = measured(tmp_path / "before", made)
    assert not rounds(before)
    assert "Round by round" not in (before_at / "report.html").read_text(encoding="utf-8")
    at, after = measured(tmp_path / "after", twice_looked(made))
    found = rounds(after)
    assert list(found) == ["1", "2", "3"]
    assert [a for a in after["agreement"] if a["group"] != "round"] == before["agreement"]
    assert after["figures"] == before["figures"]  # what rounds are compared by: a second look makes no round better
    assert len(after["queue"]) < len(before["queue"])
    assert found["1"] == {**before["agreement"][0], "group": "round", "name": "1"}
    assert (found["2"]["pairs"], found["3"]["pairs"]) == (16 * 21, 8 * 21)
    # two who err by σ are sqrt(pi) σ apart on average
    assert found["2"]["distance"][0] == pytest.approx(np.sqrt(np.pi) * 0.01, rel=0.1)
    assert found["3"]["distance"][0] == pytest.approx(np.sqrt(np.pi) * 0.03, rel=0.1)
    assert found["2"]["distance"][1] < found["2"]["distance"][0] < found["2"]["distance"][2]
    assert "Round by round" in (at / "report.html").read_text(encoding="utf-8")
    rows = list(csv.DictReader((at / "agreement.csv").read_text(encoding="utf-8-sig").splitlines()))
    assert [r["name"] for r in rows if r["group"] == "round"] == ["1", "2", "3"]


def test_an_expert_takes_no_part_in_later_rounds_either(tmp_path, made):
    rng = np.random.default_rng(1)
    for hand in range(10):
        made.submissions += [look(made, hand, name, 1, 0.01, rng) for name in ("bo", "di")]
    _, alone = measured(tmp_path / "p", made, CONFIG.model_copy(update={"experts": ("di",)}))
    assert not rounds(alone)
