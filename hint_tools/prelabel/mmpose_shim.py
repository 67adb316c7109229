"""What mmcv-lite, MMDet and MMPose need to run next to a CPU build of PyTorch, with nothing compiled.

MMPose's hand networks use one compiled operator of mmcv (non-maximum suppression) and one picture helper
of torchvision (drawing only). Building mmcv takes tens of minutes, and torchvision's wheels are often
built for another torch, which breaks every package that looks for it. So three gaps are filled instead;
tests show for each that the import or the call fails without it.

`install` must run before mmdet or mmpose is imported. A compiled mmcv or an installed torchvision wins:
its gap is not filled.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

OPERATORS = "mmcv._ext"
DRAWING = "mmpose.visualization.simcc_vis"


def install() -> tuple[str, ...]:
    """Fill the gaps that are there; the names of those that were. Calling it again changes nothing."""
    parts = {"operators": provide_operators, "drawing": provide_drawing, "checkpoints": allow_checkpoint_classes}
    return tuple(name for name, fill in parts.items() if fill())


def provide_operators() -> bool:
    """`mmcv._ext` with a numpy `nms`; True where it was missing.

    `mmcv.ops` looks for every operator's name when it is imported, and MMDet and MMPose import it whatever
    network is used. So each name is there, and any but `nms` raises when it is called.
    """
    if OPERATORS in sys.modules or importlib.util.find_spec("mmcv") is None:
        return False
    if importlib.util.find_spec(OPERATORS) is not None:
        return False
    module = ModuleType(OPERATORS)
    module.__spec__ = ModuleSpec(OPERATORS, None)  # mmengine asks find_spec for it, which needs one
    module.nms = _torch_nms  # type: ignore[attr-defined]
    module.__getattr__ = _missing_operator  # type: ignore[method-assign]
    sys.modules[OPERATORS] = module
    return True


def provide_drawing() -> bool:
    """A stand-in for MMPose's SimCC drawing module; True where torchvision is missing.

    The real one imports torchvision at its top, and `mmpose.visualization` imports it always. A stand-in for
    torchvision itself would mislead other packages that ask whether it is installed.
    """
    if DRAWING in sys.modules or importlib.util.find_spec("torchvision") is not None:
        return False
    module = ModuleType(DRAWING)
    module.SimCCVisualizer = _NoDrawing  # type: ignore[attr-defined]
    sys.modules[DRAWING] = module
    return True


def allow_checkpoint_classes() -> bool:
    """Let `torch.load(weights_only=True)` read the plain numpy values in OpenMMLab checkpoints; always True.

    Their metadata holds numpy arrays and scalars (joint sigmas) and mmengine's loss history. Only these
    classes are added to torch's list: what else a file asks for is still refused.
    """
    import torch
    from numpy._core import multiarray

    rebuild: Any = multiarray._reconstruct
    scalar: Any = multiarray.scalar
    allowed: list[Any] = [np.ndarray, np.dtype, rebuild, scalar]
    for module in ("numpy.core.multiarray", "numpy._core.multiarray"):  # as numpy 1 and numpy 2 name them
        allowed += [(rebuild, f"{module}._reconstruct"), (scalar, f"{module}.scalar")]
    allowed += [type(np.dtype(code)) for code in ("?", "u1", "i2", "i4", "i8", "f2", "f4", "f8")]
    if importlib.util.find_spec("mmengine") is not None:
        from mmengine.logging.history_buffer import HistoryBuffer

        allowed += [HistoryBuffer, getattr]  # its pickle names its methods through getattr
    torch.serialization.add_safe_globals(allowed)
    return True


def greedy_nms(
    boxes: npt.NDArray[np.floating[Any]], scores: npt.NDArray[np.floating[Any]], iou_threshold: float, offset: float = 0
) -> npt.NDArray[np.int64]:
    """Indices of the boxes that no kept, higher-scored box overlaps by more than `iou_threshold`, best first.

    Args:
        boxes: (n, 4) x0, y0, x1, y1.
        scores: (n,).
        iou_threshold: intersection over union above which the lower-scored box goes.
        offset: added to every width and height (1 where coordinates are the last pixel's own).
    """
    order = np.argsort(-scores, kind="stable")
    sorted_boxes = boxes[order]
    low, high = sorted_boxes[:, :2], sorted_boxes[:, 2:] + offset
    areas = (high - low).prod(axis=1)
    alive = np.ones(len(order), dtype=bool)
    kept = []
    for i in range(len(order)):
        if not alive[i]:
            continue
        kept.append(order[i])
        rest = np.flatnonzero(alive[i + 1 :]) + i + 1
        sides = np.clip(np.minimum(high[i], high[rest]) - np.maximum(low[i], low[rest]), 0, None)
        overlap = sides.prod(axis=1)
        alive[rest[overlap > iou_threshold * (areas[i] + areas[rest] - overlap)]] = False
    return np.asarray(kept, dtype=np.int64)


def _torch_nms(bboxes: Any, scores: Any, iou_threshold: float, offset: int = 0) -> Any:
    """`mmcv._ext.nms`: the same arguments and the same answer, a tensor of int64 indices."""
    import torch

    kept = greedy_nms(bboxes.detach().cpu().numpy(), scores.detach().cpu().numpy(), iou_threshold, offset)
    return torch.from_numpy(kept).to(bboxes.device)


def _missing_operator(name: str) -> Callable[..., Any]:
    if name.startswith("__"):
        raise AttributeError(name)

    def refuse(*args: Any, **options: Any) -> Any:
        raise NotImplementedError(f"mmcv's operator {name!r} needs a compiled mmcv; mmcv-lite has none")

    refuse.__name__ = name
    return refuse


class _NoDrawing:
    """Stands where MMPose's SimCC heatmap drawing would, which needs torchvision."""

    def draw_instance_xy_heatmap(self, *args: Any, **options: Any) -> Any:
        """Never drawn.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError("drawing SimCC heatmaps needs torchvision")
