"""MMPose and MMDet themselves: any top-down hand config with its checkpoint.

Their configs are Python programs and are run as such: name only ones you trust. Checkpoints are read by
torch's restricted loader.
"""

from __future__ import annotations

import importlib.util
import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np

from hint_tools.core.errors import ConfigError, DataError, EnvironmentFault
from hint_tools.core.geometry import Floats, clip_box
from hint_tools.core.skeleton import N_JOINTS
from hint_tools.prelabel.backends import DetectedHand, HandAnswer, usable_boxes, without_duplicates
from hint_tools.prelabel.mmpose_shim import install
from hint_tools.prelabel.onnx_backend import scored_answer
from hint_tools.prelabel.roi import Rgb
from hint_tools.store.manifests import file_sha256

SETUP = "make setup-mmpose"
_PACKAGES = ("torch", "mmengine", "mmcv", "mmdet", "mmpose", "xtcocotools", "pkg_resources")


class MmposeBackend:
    """Reads the joints of given hands with an MMPose top-down model, on the CPU.

    Args:
        config: the model's config file, or the name of one that ships with MMPose.
        checkpoint: its weights.
        flip_test: average with the answer on the mirrored crop: twice the time. None: as the config says.

    Raises:
        EnvironmentFault: MMPose is not installed.
        ConfigError: a file is missing, or the config is no 21-joint top-down model.
        DataError: the checkpoint can't be read or does not fit the config.
    """

    def __init__(self, config: Path, checkpoint: Path, *, flip_test: bool | None = None) -> None:
        require_mmpose()
        config = _config_file(config)
        with _third_party(f"MMPose model {config.name} with {checkpoint.name}", checkpoint):
            from mmpose.apis import init_model

            self._model: Any = init_model(str(config), str(checkpoint), device="cpu")
        joints = int(self._model.dataset_meta.get("num_keypoints", N_JOINTS))
        if joints != N_JOINTS:
            raise ConfigError(f"{config}: expected a model of 21 hand joints, got {joints}")
        if flip_test is not None:
            self._model.test_cfg["flip_test"] = flip_test
        flips = bool(self._model.test_cfg.get("flip_test", False))
        self.name = _name("mmpose", config, checkpoint, "flip" if flips else "single")

    def predict(self, image: Rgb, boxes: Floats, sides: Sequence[str | None]) -> list[HandAnswer]:
        """One answer for each box (n, 4), with the given side; see `Backend.predict`.

        Raises:
            DataError: a box is not finite.
        """
        checked = usable_boxes(boxes)
        if len(checked) == 0:
            return []
        with _quiet():
            from mmpose.apis import inference_topdown

            answers = inference_topdown(self._model, _bgr(image), bboxes=checked.astype(np.float32))
        read = [_keypoints(answer.pred_instances) for answer in answers]
        return [scored_answer(points, scores, side) for (points, scores), side in zip(read, sides, strict=True)]


class MmdetDetector:
    """Finds hands with an MMDet model whose first class is the hand, on the CPU.

    Args:
        config: the detector's config file, or the name of one that ships with MMPose.
        checkpoint: its weights.
        threshold: lowest score to take.
        max_hands: at most this many a frame, the surest first.

    Raises:
        EnvironmentFault: MMDet is not installed.
        ConfigError: a file is missing.
        DataError: the checkpoint can't be read or does not fit the config.
    """

    def __init__(self, config: Path, checkpoint: Path, *, threshold: float = 0.5, max_hands: int = 4) -> None:
        require_mmpose()
        config = _config_file(config)
        with _third_party(f"MMDet model {config.name} with {checkpoint.name}", checkpoint):
            from mmdet.apis import init_detector
            from mmpose.utils import adapt_mmdet_pipeline

            self._model: Any = init_detector(str(config), str(checkpoint), device="cpu")
            self._model.cfg = adapt_mmdet_pipeline(self._model.cfg)
        self._threshold = threshold
        self._max_hands = max_hands
        self.name = _name("mmdet", config, checkpoint, f"{threshold:g}:{max_hands}")

    def detect(self, image: Rgb) -> list[DetectedHand]:
        """The hands in `image` (uint8 RGB (H, W, 3)), each once, best first."""
        with _quiet():
            from mmdet.apis import inference_detector

            found = inference_detector(self._model, _bgr(image)).pred_instances.cpu().numpy()
        chosen = (found.labels == 0) & (found.scores >= self._threshold)
        height, width = image.shape[:2]
        # MMDet counts from the corner of the top-left pixel, we from its centre
        boxes = clip_box(found.bboxes[chosen].astype(np.float64) - 0.5, width, height)
        solid = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
        pairs = zip(boxes[solid], found.scores[chosen][solid], strict=True)
        hands = [DetectedHand(box=box, score=min(float(score), 1.0)) for box, score in pairs]
        return without_duplicates(hands)[: self._max_hands]


def require_mmpose() -> None:
    """MMPose can be imported after this; the gaps beside it are filled.

    Raises:
        EnvironmentFault: a package is missing.
    """
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise EnvironmentFault(f"the mmpose backend needs packages that are not here: {', '.join(missing)}", hint=SETUP)
    with _quiet():
        install()


def shipped_file(name: str) -> Path | None:
    """A config that ships inside the MMPose package, by its file name; None when there is no such one."""
    spec = importlib.util.find_spec("mmpose")
    if spec is None or spec.origin is None:
        return None
    found = sorted((Path(spec.origin).parent / ".mim").rglob(name))
    return found[0] if found else None


def _config_file(config: Path) -> Path:
    if config.is_file():
        return config
    shipped = shipped_file(config.name)
    if shipped is None:
        raise ConfigError(
            f"{config}: no such config, here or among those that ship with MMPose",
            hint="--config rtmpose-m_8xb256-210e_hand5-256x256.py",
        )
    return shipped


def _name(package: str, config: Path, checkpoint: Path, settings: str) -> str:
    from importlib.metadata import version

    return f"{package}-{version(package)}:{config.stem}:{file_sha256(checkpoint)[:12]}:{settings}"


def _keypoints(instances: Any) -> tuple[Floats, Floats]:
    points = np.asarray(instances.keypoints[0], dtype=np.float64)
    return points, np.asarray(instances.keypoint_scores[0], dtype=np.float64)


def _bgr(image: Rgb) -> Rgb:
    """Their pictures are OpenCV's; each model's own preprocessor turns them into what it was trained on."""
    return np.ascontiguousarray(image[:, :, ::-1])


@contextmanager
def _quiet() -> Iterator[None]:
    """Deprecations inside these packages are not the user's to mend, and what they print is no answer of ours."""
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _third_party(what: str, checkpoint: Path) -> Iterator[None]:
    """Whatever goes wrong while a model is built is said as ours."""
    if not checkpoint.is_file():
        raise ConfigError(f"{checkpoint}: no such checkpoint", hint="name the .pth file: --checkpoint FILE")
    try:
        with _quiet():
            yield
    except Exception as error:
        raise DataError(f"{what}: can't be built ({type(error).__name__}: {error})") from error
