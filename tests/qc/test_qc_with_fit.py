"""`hint qc`, `hint fit`, `hint qc` again: a joint where no hand can have it is named without a second annotator."""

import json

import numpy as np
import pytest
from qc_rounds import Round, answer, changed, joints_of, make_round
from test_qc_run import project_of

from hint_tools.core.records import Fit, Hand
from hint_tools.mano.anatomy import HandAnatomy
from hint_tools.mano.assets import load_hand_model
from hint_tools.mano.kinematics import pose_hands
from hint_tools.pipeline.status import stage_states
from hint_tools.qc.analysis import Beside, analyse
from hint_tools.qc.config import QcConfig
from hint_tools.qc.run import run
from hint_tools.store.tables import CONSENSUS

CONFIG = QcConfig(bootstrap=50, report_hands=1)


def posed_round(n):
    """`n` right hands in poses joints allow, seen from above, each answered once, by somebody exact."""
    model, rng = load_hand_model(), np.random.default_rng(5)
    anatomy = HandAnatomy.of(model, np.zeros(10))
    poses = np.stack([0.5 * anatomy.draw(rng) for _ in range(n)])
    flat = pose_hands(model, np.zeros((n, 3)), poses, np.zeros((n, 10))).joints[:, :, [0, 2]]
    truth = (flat - flat.mean(axis=1, keepdims=True)) * 1500 + 700
    scale = np.sqrt(np.ptp(truth, axis=1).prod(axis=1))
    made = Round(truth, scale, np.full((n, 21), 2), [], [], set())
    for h in range(n):
        box = np.concatenate([truth[h].min(axis=0), truth[h].max(axis=0)])
        made.hands.append(Hand(hand_id=f"h{h:05d}", frame_id=f"f{h:05d}", side="right", box=box))
        made.submissions.append(answer(f"h{h:05d}", "ana", truth[h] + rng.normal(0, 1, (21, 2)), made.visibility[h]))
    return made


def seen_by_status(project):
    """What is stale of qc and fit; nothing else has run in this project."""
    for stage in ("sample", "prelabel", "push", "pull"):
        project.stamp(stage, reads=(), writes=())
    return [(s.stage, s.why) for s in stage_states(project) if s.stage in ("qc", "fit") and s.state != "done"]


def test_a_slip_shows_against_the_fitted_hand(tmp_path):
    fit = pytest.importorskip("hint_tools.fit.run")
    config = pytest.importorskip("hint_tools.fit.config")
    made = posed_round(4)
    points = made.submissions[2].keypoints.copy()
    points[10] += 0.4 * made.scale[2]
    object.__setattr__(made.submissions[2], "keypoints", points)
    project = project_of(tmp_path / "p", made)

    def named():
        run(CONFIG, project)
        found = json.loads((project.root / "qc/qc.json").read_text(encoding="utf-8"))["mistakes"]
        return {(m["code"], m["hand"]) for m in found if m["code"] == "qc.unposable"}

    assert named() == set()
    concluded = project.table_path(CONSENSUS).read_bytes()
    fit.run(config.FitConfig(), project)
    assert seen_by_status(project) == [("qc", "fits changed since it looked at them")]
    assert named() == {("qc.unposable", "h00002")}
    assert seen_by_status(project) == []
    assert project.table_path(CONSENSUS).read_bytes() == concluded  # what follows it needs not run again


def test_guessed_joints_are_not_held_against_the_fit_more_strictly_than_people_guess():
    """Two people who see nothing of the fingers and guess to within a tenth of the hand, beside exact fits."""
    made = make_round(60, 2, seed=21, noise=3.0)
    fits = {
        f"h{h:05d}": Fit(
            hand_id=f"h{h:05d}", side="right", global_orient=[0] * 3, hand_pose=[0] * 45, betas=[0] * 10,
            transl=[0] * 3, focal_px=1, principal_point=[0, 0], keypoints=made.truth[h],
            keypoints_3d=np.zeros((21, 3)), residual_px=[0] * 21, sd_mm=[0] * 21, cost=0, accepted=True,
            hand_model="m",
        )
        for h in range(60)
    }  # fmt: skip
    slip = joints_of(made, 5, "bo").copy()
    slip[8] += 0.8 * made.scale[5]
    changed(made, 5, "bo", keypoints=slip)
    found = analyse(made.panel(), made.by_id(), {}, CONFIG, Beside(fits=fits))
    sigma = found.sigmas.in_px(found.panel, found.sizes.scale, personal=False) / found.sizes.scale[:, None, None]
    assert np.nanmax(sigma) > 0.08
    assert {(m.kind, m.hand) for m in found.mistakes if m.kind == "unposable"} <= {("unposable", 5)}
    assert any(m.hand == 5 and m.kind in {"unposable", "long-bone"} for m in found.mistakes)
