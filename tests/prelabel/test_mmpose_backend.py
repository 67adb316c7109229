"""MMPose for real: its own configs, checkpoints with random weights, answers equal to its own API's."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from hint_tools.core.errors import ConfigError, DataError
from hint_tools.core.records import Frame, Hand
from hint_tools.media.images import encode_png, pixel_sha256
from hint_tools.prelabel.config import PrelabelConfig
from hint_tools.prelabel.mmpose_backend import MmdetDetector, MmposeBackend, require_mmpose, shipped_file
from hint_tools.prelabel.onnx_backend import OnnxBackend
from hint_tools.prelabel.run import run
from hint_tools.store.project import create_project
from hint_tools.store.tables import DETECTED_HANDS, FRAMES, HANDS, PREDICTIONS

from .drawn_hand import scene

pytestmark = [
    pytest.mark.mmpose,
    pytest.mark.filterwarnings("ignore"),  # deprecations inside MMPose, mmengine and torch's exporter
    pytest.mark.skipif(importlib.util.find_spec("mmpose") is None, reason="MMPose is not here (make setup-mmpose)"),
]

POSE_CONFIG = "rtmpose-m_8xb256-210e_hand5-256x256.py"
DETECTOR_CONFIG = "rtmdet_nano_320-8xb32_hand.py"
BOXES = np.array([[50.0, 60, 180, 200], [120, 10, 300, 150]])


@pytest.fixture(scope="module", autouse=True)
def few_threads():
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    """Weights of RTMPose-m whose answers depend on the picture, in a file as OpenMMLab writes them."""
    require_mmpose()
    import torch
    from mmengine.logging.history_buffer import HistoryBuffer
    from mmpose.apis import init_model

    torch.manual_seed(0)
    model = init_model(str(shipped_file(POSE_CONFIG)), None, device="cpu")
    for parameter in model.parameters():
        if parameter.ndim > 1:
            torch.nn.init.kaiming_normal_(parameter)
    for classifier in (model.head.cls_x, model.head.cls_y):
        classifier.weight.data *= 0.05  # scores of a trained network lie in [0, 1]
    for module in model.modules():  # statistics of a fresh network shrink every signal to nothing
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.reset_running_stats()
            module.momentum = None
    model.train()
    with torch.no_grad():
        model.backbone(torch.randn(4, 3, 256, 256))
    model.eval()
    path = tmp_path_factory.mktemp("mmpose") / "random.pth"
    history = {"loss": HistoryBuffer(np.array([1.0]), np.array([1]))}
    meta = {"dataset_meta": {**model.dataset_meta, "sigmas": np.array(model.dataset_meta["sigmas"])}}
    torch.save({"state_dict": model.state_dict(), "meta": meta, "message_hub": {"log_scalars": history}}, path)
    return path


@pytest.fixture(scope="module")
def detector_checkpoint(tmp_path_factory) -> Path:
    """Weights of RTMDet-nano with scores that differ from place to place."""
    require_mmpose()
    import torch
    from mmdet.apis import init_detector

    torch.manual_seed(3)
    model = init_detector(str(shipped_file(DETECTOR_CONFIG)), None, device="cpu")
    for layer in model.bbox_head.rtm_cls:
        torch.nn.init.normal_(layer.weight, std=2.0)
    for layer in model.bbox_head.rtm_reg:
        torch.nn.init.normal_(layer.weight, std=0.5)
        torch.nn.init.constant_(layer.bias, 2.0)
    path = tmp_path_factory.mktemp("mmdet") / "random.pth"
    torch.save({"state_dict": model.state_dict(), "meta": {"dataset_meta": model.dataset_meta}}, path)
    return path


@pytest.fixture(scope="module")
def picture():
    image, _ = scene(400, 300, (20, 40, 0.6, False))
    image[..., 0] //= 2  # so that swapped channels show
    return image


@pytest.fixture(scope="module")
def backend(checkpoint: Path) -> MmposeBackend:
    return MmposeBackend(Path(POSE_CONFIG), checkpoint, flip_test=False)


def own_answer(checkpoint: Path, image, flip: bool):
    """What MMPose's own functions say of a picture in OpenCV's channel order."""
    from mmpose.apis import inference_topdown, init_model

    model = init_model(str(shipped_file(POSE_CONFIG)), str(checkpoint), device="cpu")
    model.test_cfg["flip_test"] = flip
    answers = [a.pred_instances for a in inference_topdown(model, image, bboxes=BOXES.astype(np.float32))]
    return np.stack([a.keypoints[0] for a in answers]), np.stack([a.keypoint_scores[0] for a in answers])


@pytest.mark.parametrize("flip", [False, True])
def test_answers_are_mmposes_own(checkpoint: Path, picture, flip: bool) -> None:
    backend = MmposeBackend(Path(POSE_CONFIG), checkpoint, flip_test=flip)
    answers = backend.predict(picture, BOXES, ["left", None])
    points, scores = own_answer(checkpoint, np.ascontiguousarray(picture[..., ::-1]), flip)
    np.testing.assert_array_equal([a.keypoints for a in answers], points.astype(np.float64))
    np.testing.assert_allclose([a.confidence for a in answers], np.clip(scores, 0, 1), rtol=1e-6)
    assert [a.side for a in answers] == ["left", None]


def test_the_channel_order_matters_and_is_right(checkpoint: Path, backend, picture) -> None:
    answers = backend.predict(picture, BOXES, [None, None])
    swapped, _ = own_answer(checkpoint, picture, False)
    assert np.abs(np.stack([a.keypoints for a in answers]) - swapped).max() > 1


def test_the_answer_depends_on_the_box(backend, picture) -> None:
    first, second = backend.predict(picture, BOXES, [None, None])
    assert np.abs(first.keypoints - second.keypoints).max() > 10


def test_no_box_no_answer(backend, picture) -> None:
    assert backend.predict(picture, np.zeros((0, 4)), []) == []


def test_flipping_follows_the_config_and_shows_in_the_name(checkpoint: Path, backend) -> None:
    assert backend.name.endswith(":single")
    assert MmposeBackend(Path(POSE_CONFIG), checkpoint).name.endswith(":flip")  # this config's own choice


def test_the_exported_network_answers_the_same(checkpoint: Path, backend, picture, tmp_path: Path) -> None:
    import torch

    model = backend._model

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, x):
            return self.model.head.forward(self.model.backbone(x))

    path = tmp_path / "rtmpose.onnx"
    names = ["simcc_x", "simcc_y"]
    torch.onnx.export(
        Network().eval(), torch.zeros(1, 3, 256, 256), str(path), dynamo=False, opset_version=17,
        input_names=["input"], output_names=names,
    )  # fmt: skip
    ours = OnnxBackend(path, threads=1).predict(picture, BOXES, [None, None])
    theirs = backend.predict(picture, BOXES, [None, None])
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one.keypoints, other.keypoints, atol=1e-3)
        np.testing.assert_allclose(one.confidence, other.confidence, atol=1e-5)


def test_found_boxes_are_mmdets_own_half_a_pixel_earlier(detector_checkpoint: Path, picture) -> None:
    from mmdet.apis import inference_detector

    detector = MmdetDetector(Path(DETECTOR_CONFIG), detector_checkpoint, threshold=0.3, max_hands=5)
    found = detector.detect(picture)
    own = inference_detector(detector._model, np.ascontiguousarray(picture[..., ::-1])).pred_instances.numpy()
    assert 1 <= len(found) <= 5
    assert found[0].score == pytest.approx(min(own.scores.max(), 1.0))
    for hand in found:
        low, high = np.array([-0.5] * 4), np.array([399.5, 299.5] * 2)
        distance = np.abs(np.clip(own.bboxes - 0.5, low, high) - hand.box).max(axis=1)
        k = int(np.argmin(distance + (np.abs(own.scores - hand.score) > 1e-6)))
        assert distance[k] < 1e-3
        assert own.labels[k] == 0
        assert hand.score >= 0.3


def test_a_whole_stage_with_mmpose_and_mmdet(
    checkpoint: Path, detector_checkpoint: Path, picture, tmp_path: Path, weights
) -> None:
    project = create_project(tmp_path / "round", "round")
    path = project.root / "a.png"
    path.write_bytes(encode_png(picture))
    frames = [
        Frame(
            frame_id=name, source="s", video="v", width_px=400, height_px=300, path="a.png", sha256="",
            pixel_sha256=pixel_sha256(picture), origin="",
        )
        for name in ("a", "b")
    ]  # fmt: skip
    project.write(FRAMES, frames)
    project.write(HANDS, [Hand(hand_id="h", frame_id="a", box=BOXES[0], side="right")])
    settings = {"backend": "mmpose", "config": POSE_CONFIG, "checkpoint": checkpoint, "flip_test": False}
    settings |= {
        "detector_config": DETECTOR_CONFIG,
        "detector_checkpoint": detector_checkpoint,
        "detection_threshold": 0.3,
    }
    report = run(PrelabelConfig.model_validate(settings), project)
    assert report.details["model"].startswith("mmpose-1.3.2:")
    assert report.details["detector"].startswith("mmdet-3.3.0:")
    assert report.counts["hands answered"] == 1 + len(project.read(DETECTED_HANDS)) > 1
    run(PrelabelConfig(threads=1), project)
    models = [p.model for p in project.read(PREDICTIONS) if p.hand_id == "h"]
    assert len(models) == len(set(models)) == 2  # the other model's answer stands beside


def test_missing_files_are_named(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere"):
        MmposeBackend(Path("nowhere.py"), checkpoint)
    with pytest.raises(ConfigError, match=r"absent\.pth"):
        MmposeBackend(Path(POSE_CONFIG), tmp_path / "absent.pth")


def test_a_checkpoint_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "text.pth"
    path.write_text("not a checkpoint")
    with pytest.raises(DataError, match=r"text\.pth"):
        MmposeBackend(Path(POSE_CONFIG), path)


def test_a_checkpoint_that_runs_code_is_refused(tmp_path: Path) -> None:
    import torch

    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    path = tmp_path / "trap.pth"
    torch.save({"state_dict": {}, "meta": Trap()}, path)
    with pytest.raises(DataError, match=r"trap\.pth"):
        MmposeBackend(Path(POSE_CONFIG), path)
    assert not (tmp_path / "ran").exists()
