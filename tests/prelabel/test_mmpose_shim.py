"""Each part of the shim is needed, and does what the thing it stands for does."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hint_tools.prelabel.mmpose_shim import greedy_nms

ROOT = Path(__file__).resolve().parents[2]
HERE = importlib.util.find_spec("mmpose") is not None
needs_mmpose = pytest.mark.skipif(not HERE, reason="MMPose is not here (make setup-mmpose)")

IMPORT = """
import sys
from hint_tools.prelabel import mmpose_shim as shim
parts = dict(operators=shim.provide_operators, drawing=shim.provide_drawing, checkpoints=shim.allow_checkpoint_classes)
for name, fill in parts.items():
    if name != sys.argv[1]:
        fill()
import mmdet.apis, mmpose.apis
"""

LOAD = """
import sys, numpy as np, torch
from hint_tools.prelabel import mmpose_shim as shim
shim.provide_operators(), shim.provide_drawing()
from mmengine.logging.history_buffer import HistoryBuffer
value = {"sigmas": np.ones(3, np.float32), "scalar": np.float64(2), "history": HistoryBuffer(np.ones(1), np.ones(1))}
torch.save(value, sys.argv[2])
if sys.argv[1] != "checkpoints":
    shim.allow_checkpoint_classes()
assert torch.load(sys.argv[2], weights_only=True)["sigmas"].sum() == 3
"""


def python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "ignore", "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


@pytest.mark.mmpose
@needs_mmpose
@pytest.mark.parametrize(
    ("left_out", "complaint"), [("operators", "mmcv._ext"), ("drawing", "torchvision"), ("nothing", "")]
)
def test_importing_fails_without_each_part_and_works_with_all(left_out: str, complaint: str) -> None:
    gap = {"operators": "mmcv._ext", "drawing": "torchvision"}.get(left_out)
    if gap and importlib.util.find_spec(gap.partition(".")[0]) and (gap == "torchvision" or _compiled()):
        pytest.skip(f"{gap} is here: there is no gap to fill")
    done = python(IMPORT, left_out)
    assert (done.returncode == 0) == (left_out == "nothing"), done.stderr
    assert complaint in done.stderr


def _compiled() -> bool:
    spec = importlib.util.find_spec("mmcv")
    return spec is not None and any(Path(str(spec.origin)).parent.glob("_ext*"))


@pytest.mark.mmpose
@needs_mmpose
@pytest.mark.parametrize("left_out", ["checkpoints", "nothing"])
def test_numpy_values_in_checkpoints_load_only_with_the_shim(left_out: str, tmp_path: Path) -> None:
    done = python(LOAD, left_out, str(tmp_path / "values.pth"))
    assert (done.returncode == 0) == (left_out == "nothing"), done.stderr
    if left_out == "checkpoints":
        assert "Unsupported global" in done.stderr


@pytest.mark.mmpose
@needs_mmpose
def test_operators_that_are_not_there_say_so_when_called() -> None:
    code = (
        "from hint_tools.prelabel.mmpose_shim import install; install(); install()\n"
        "import torch; from mmcv.ops import nms, roi_align\n"
        "boxes = torch.tensor([[0., 0, 10, 10], [1, 0, 11, 10], [30, 0, 40, 10]])\n"
        "kept, index = nms(boxes, torch.tensor([.5, .9, .1]), 0.5); assert index.tolist() == [1, 2]\n"
        "try: roi_align(torch.zeros(1, 1, 4, 4), torch.zeros(1, 5), 2)\n"
        "except NotImplementedError as error: assert 'roi_align' in str(error); print('refused')\n"
    )
    done = python(code)
    assert done.stdout.strip() == "refused", done.stderr


def brute_force(boxes: np.ndarray, scores: np.ndarray, threshold: float) -> list[int]:
    """Greedy suppression written from its definition."""
    left, kept = sorted(range(len(boxes)), key=lambda k: -scores[k]), []
    while left:
        best, *left = left
        kept.append(best)
        left = [k for k in left if pixel_iou(boxes[best], boxes[k]) <= threshold]
    return kept


def pixel_iou(a: np.ndarray, b: np.ndarray) -> float:
    """By counting cells: exact for boxes with whole-number corners."""
    cells = [{(x, y) for x in range(int(q[0]), int(q[2])) for y in range(int(q[1]), int(q[3]))} for q in (a, b)]
    return len(cells[0] & cells[1]) / len(cells[0] | cells[1])


@given(
    st.integers(0, 12).flatmap(
        lambda n: st.tuples(arrays(np.int64, (n, 4), elements=st.integers(0, 9)), st.permutations(range(n)))
    )
)
def test_suppression_is_the_greedy_one(drawn: tuple[np.ndarray, list[int]]) -> None:
    raw, ranks = drawn
    boxes = np.concatenate([raw[:, :2], raw[:, :2] + 1 + raw[:, 2:]], axis=1).astype(float)
    scores = np.array(ranks, dtype=float)
    for threshold in (0.0, 0.3, 0.55):
        assert greedy_nms(boxes, scores, threshold).tolist() == brute_force(boxes, scores, threshold)


def test_without_mmpose_the_error_names_the_command(tmp_path: Path) -> None:
    """In an interpreter that sees every installed package but MMPose."""
    packages = Path(sysconfig.get_paths()["purelib"])
    for entry in packages.iterdir():
        if not entry.name.lower().startswith(("mmpose", "__editable__")):
            (tmp_path / entry.name).symlink_to(entry)
    code = (
        f"import sys; sys.path += [{str(tmp_path)!r}, {str(ROOT)!r}]\n"
        "from pathlib import Path\n"
        "from hint_tools.core.errors import EnvironmentFault\n"
        "from hint_tools.prelabel.mmpose_backend import MmposeBackend\n"
        "try: MmposeBackend(Path('c.py'), Path('w.pth'))\n"
        "except EnvironmentFault as error: print(error.hint, '|', error.message)\n"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False)
    hint, _, message = done.stdout.partition(" | ")
    assert hint == "make setup-mmpose", done.stderr
    assert "mmpose" in message
