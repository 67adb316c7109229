from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch
from perfect_network import MIRROR

from hint_tools.core.errors import ConfigError, DataError, EnvironmentFault
from hint_tools.core.findings import Severity
from hint_tools.core.geometry import box_center, box_size
from hint_tools.data.augment import NONE
from hint_tools.data.hamer_item import HandTruth, hamer_item
from hint_tools.formats.predictions import decode
from hint_tools.hamer.checkpoint import load_checkpoint
from hint_tools.mano.camera import Camera
from hint_tools.mano.kinematics import pose_hand
from hint_tools.media.images import encode_png, read_image
from hint_tools.predict import run as predict_run
from hint_tools.predict.config import PredictConfig
from hint_tools.predict.hands import HandBox
from hint_tools.predict.network import Predictor
from hint_tools.predict.run import run
from hint_tools.store.project import create_project


@dataclass
class Reader:
    """Finds what it is told to find."""

    boxes: list[HandBox]
    told: str | None = None
    name: str = "test reader"
    asked: list[int] = field(default_factory=list)

    def find(self, image):
        self.asked.append(image.shape[1])
        return self.boxes

    def sides(self, image, boxes):
        return [self.told] * len(boxes)


def settings(checkpoint, scene, **more) -> PredictConfig:
    values = {"checkpoint": checkpoint, "images": (scene.folder,), "boxes": scene.boxes, "threads": 1, "overlay": False}
    return PredictConfig(**(values | more))


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_everything_is_written_and_consistent(scene, checkpoint, model, tmp_path) -> None:
    report = run(settings(checkpoint, scene, overlay=True, focal_px=300.0))
    assert report.counts["hands in the output"] == report.counts["hands predicted now"] == scene.hands
    for name, still in scene.stills.items():
        folder = tmp_path / "predictions" / Path(name).stem
        kept = json.loads((folder / "hands.json").read_text())
        assert kept["files"] == sorted(p.name for p in folder.iterdir() if p.name != "hands.json")
        assert kept["camera"]["focal"] == "given"
        assert kept["checkpoint"]["step"] == 3
        camera = Camera(300.0, *kept["camera"]["principal_point_px"], 320, 240)
        assert (camera.cx, camera.cy) == (159.5, 119.5)
        assert [h["side"] for h in kept["hands"]] == [h.side for h in still.hands]
        for hand in kept["hands"]:
            mano = hand["mano"]
            posed = pose_hand(
                model, mano["global_orient"], mano["hand_pose"], mano["betas"], mano["transl"], hand["side"]
            )
            np.testing.assert_allclose(posed.joints, hand["keypoints_m"], rtol=0, atol=1e-5)
            apart = np.linalg.norm(camera.project(posed.joints) - hand["keypoints_px"], axis=1).max()
            assert hand["reprojection_px"] == pytest.approx(apart, abs=0.2)
            lines = (folder / hand["obj"]).read_text().splitlines()
            vertices = np.array([line.split()[1:] for line in lines if line.startswith("v ")], dtype=float)
            np.testing.assert_allclose(vertices, posed.vertices, rtol=0, atol=1e-5)
            assert sum(line.startswith("f ") for line in lines) == 1552
        data = (folder / "hands.glb").read_bytes()
        assert struct.unpack_from("<4sII", data) == (b"glTF", 2, len(data))
        assert read_image(folder / "overlay.png").shape == still.picture.shape
        assert read_image(folder / "side.png").shape[1] == 3 * 256 + 2 * 4


def test_the_network_sees_what_evaluation_shows_it(scene, checkpoint) -> None:
    loaded = load_checkpoint(checkpoint)
    predictor = Predictor(loaded.network.eval(), torch.device("cpu"), False, 4)
    sides = set()
    for still in scene.stills.values():
        for hand in still.hands:
            truth = HandTruth(
                center=box_center(hand.box), size=box_size(hand.box), right=hand.side == "right",
                keypoints_2d=np.zeros((21, 3)), keypoints_3d=np.zeros((21, 4)), global_orient=np.zeros(3),
                hand_pose=np.zeros(45), betas=np.zeros(10), has_pose=False, has_betas=False,
            )  # fmt: skip
            expected = hamer_item(still.picture, truth, NONE)["img"].numpy()
            np.testing.assert_allclose(predictor.crop(still.picture, hand.box, hand.side), expected, rtol=0, atol=1e-5)
            sides.add(hand.side)
    assert sides == {"left", "right"}


def test_a_mirrored_picture_gives_the_mirrored_hand(scene, checkpoint, tmp_path) -> None:
    """The one proof that nothing of a left hand was forgotten."""
    still = next(s for s in scene.stills.values())
    width = still.picture.shape[1]
    hand = still.hands[0]
    (tmp_path / "a.png").write_bytes(encode_png(still.picture))
    (tmp_path / "b.png").write_bytes(encode_png(np.ascontiguousarray(still.picture[:, ::-1])))
    x0, y0, x1, y1 = hand.box
    answers = []
    for name, box, side in (
        ("a.png", hand.box, "left"),
        ("b.png", np.array([width - 1 - x1, y0, width - 1 - x0, y1]), "right"),
    ):
        reader = Reader([HandBox(box, side, "test")])
        run(PredictConfig(checkpoint=checkpoint, images=(Path(name),), overlay=False, threads=1), reader=reader)
        answers.append(json.loads(Path("predictions", name[0], "hands.json").read_text())["hands"][0])
    left, right = answers
    np.testing.assert_allclose(np.array(left["keypoints_m"]) * [-1, 1, 1], right["keypoints_m"], rtol=0, atol=1e-5)
    seen = np.array(left["keypoints_px"])
    seen[:, 0] = width - 1 - seen[:, 0]
    np.testing.assert_allclose(seen, right["keypoints_px"], rtol=0, atol=1e-2)
    turned = np.array(left["mano"]["hand_pose"]).reshape(15, 3) * MIRROR
    np.testing.assert_allclose(turned.ravel(), right["mano"]["hand_pose"], rtol=0, atol=1e-5)


def test_the_same_command_does_nothing_twice_and_continues(scene, checkpoint, tmp_path) -> None:
    config = settings(checkpoint, scene)
    run(config)
    first = contents(tmp_path / "predictions")
    report = run(config)
    assert (report.counts["of them done before"], report.counts["hands predicted now"]) == (3, 0)
    assert contents(tmp_path / "predictions") == first
    (tmp_path / "predictions" / "a1" / "hands.glb").unlink()
    report = run(config)
    assert report.counts["of them done before"] == 2
    assert contents(tmp_path / "predictions") == first
    assert run(settings(checkpoint, scene, focal_px=500.0)).counts["of them done before"] == 0


def test_its_index_is_a_predictions_file(scene, checkpoint, tmp_path) -> None:
    run(settings(checkpoint, scene, mesh="none"))
    index = tmp_path / "predictions" / "predictions.json"
    answers = decode(index.read_bytes(), str(index))
    assert len(answers) == scene.hands
    assert sorted(set(answers.image.tolist())) == sorted(scene.stills)
    sides = [hand.side == "right" for name in sorted(scene.stills) for hand in scene.stills[name].hands]
    assert answers.right.tolist() == sides


def test_hands_are_found_and_unknown_sides_told(scene, checkpoint, tmp_path) -> None:
    boxes = [HandBox(np.array([50.0, 50, 150, 150]), None, "test", score=0.8), HandBox(np.zeros(4), "left", "test")]
    reader = Reader(boxes, told="left")
    config = PredictConfig(checkpoint=checkpoint, images=(scene.folder,), threads=1, overlay=False, mesh="none")
    report = run(config, reader=reader)
    assert len(reader.asked) == 3
    assert (report.counts["hands found"], report.counts["left out, box unusable"]) == (6, 3)
    assert [f.code for f in report.findings] == ["predict.box-unusable"]
    kept = json.loads((tmp_path / "predictions" / "a0" / "hands.json").read_text())["hands"]
    assert [(h["side"], h["score"]) for h in kept] == [("left", 0.8)]
    report = run(config, reader=Reader(boxes, told=None, name="another"))
    assert "predict.side-assumed" in [f.code for f in report.findings]


def test_batches_do_not_change_the_answers(scene, checkpoint, tmp_path) -> None:
    for size in (1, 16):
        run(settings(checkpoint, scene, batch_size=size, out=Path(str(size)), mesh="none"))
    one, many = (json.loads(Path(str(s), "predictions.json").read_text())["hands"] for s in (1, 16))
    for a, b in zip(one, many, strict=True):
        np.testing.assert_allclose(a["keypoints_3d"], b["keypoints_3d"], rtol=0, atol=1e-4)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_moves_joints_by_little(scene, checkpoint, precision) -> None:
    for chosen in ("fp32", precision):
        run(settings(checkpoint, scene, precision=chosen, out=Path(chosen), mesh="none"))
    full, half = (json.loads(Path(p, "predictions.json").read_text())["hands"] for p in ("fp32", precision))
    apart = [np.abs(np.array(a["keypoints"]) - b["keypoints"]).max() for a, b in zip(full, half, strict=True)]
    assert 0 < max(apart) < 3


def test_broken_pictures_are_named_and_the_rest_goes_on(scene, checkpoint, tmp_path) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    for name in scene.stills:
        (folder / name).write_bytes((scene.folder / name).read_bytes())
    (folder / "a1.png").write_bytes(b"\x89PNG not really")
    report = run(settings(checkpoint, scene, images=(folder,)))
    assert report.counts["pictures unreadable"] == 1
    (finding,) = (f for f in report.findings if f.code == "predict.image-unusable")
    assert "a1.png" in finding.message
    assert not (tmp_path / "predictions" / "a1").exists()


def test_dry_run_writes_nothing(scene, checkpoint, tmp_path) -> None:
    report = run(settings(checkpoint, scene, dry_run=True))
    assert report.counts == {"pictures": 3, "hands given": scene.hands}
    assert not (tmp_path / "predictions").exists()


def test_outputs_go_into_the_project(scene, checkpoint, tmp_path) -> None:
    project = create_project(tmp_path / "round", "round")
    report = run(settings(checkpoint, scene, mesh="none"), project)
    assert report.outputs == ("predictions/predictions.json",)
    assert (tmp_path / "round" / "predictions" / "a0" / "hands.json").is_file()


def test_pictures_of_one_name_get_folders_of_their_own(scene, checkpoint, tmp_path) -> None:
    for sub in ("x", "y"):
        (tmp_path / "in" / sub).mkdir(parents=True)
        (tmp_path / "in" / sub / "a0.png").write_bytes((scene.folder / "a0.png").read_bytes())
    reader = Reader([HandBox(np.array([50.0, 50, 150, 150]), "right", "test")])
    config = PredictConfig(checkpoint=checkpoint, images=(Path("in"),), threads=1, overlay=False, mesh="none")
    assert run(config, reader=reader).counts["hands in the output"] == 2
    assert len([p for p in (tmp_path / "predictions").iterdir() if p.is_dir()]) == 2


def test_errors_name_what_is_wrong(scene, checkpoint, tmp_path) -> None:
    with pytest.raises(ConfigError, match="where the hands are"):
        run(settings(checkpoint, scene, boxes=None))
    with pytest.raises(DataError, match="no such picture"):
        run(settings(checkpoint, scene, images=(tmp_path / "absent",)))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no picture in this folder"):
        run(settings(checkpoint, scene, images=(tmp_path / "empty",)))
    with pytest.raises(DataError, match="no such checkpoint"):
        run(settings(tmp_path / "absent.ckpt", scene))
    with pytest.raises(EnvironmentFault, match="device"):
        run(settings(checkpoint, scene, device="tpu9"))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "z.png").write_bytes((scene.folder / "a0.png").read_bytes())
    with pytest.raises(DataError, match="none of its 3 pictures"):
        run(settings(checkpoint, scene, images=(tmp_path / "other",)))
    with pytest.raises(DataError, match="not one hand"):
        run(settings(checkpoint, scene, boxes=None), reader=Reader([]))


@pytest.mark.parametrize("more", [{"images": ()}, {"release": Path("r")}])
def test_settings_that_say_too_little_or_too_much(scene, checkpoint, more) -> None:
    with pytest.raises(ValueError, match=r"either pictures or a release|brings its boxes"):
        settings(checkpoint, scene, **more)


class Interrupted(Reader):
    def find(self, image):
        if self.asked:
            raise KeyboardInterrupt
        return super().find(image)


def test_an_interrupted_run_goes_on_where_it_stopped(scene, checkpoint, tmp_path) -> None:
    boxes = [HandBox(np.array([50.0, 50, 150, 150]), "right", "test")]
    config = PredictConfig(checkpoint=checkpoint, images=(scene.folder,), threads=1, overlay=False)
    with pytest.raises(KeyboardInterrupt):
        run(config, reader=Interrupted(boxes))
    out = tmp_path / "predictions"
    assert [p.name for p in out.iterdir()] == ["a0"]
    (out / ".hint-tmp-0123-a1").mkdir()  # what a kill in the middle of a folder leaves
    resumed = Reader(boxes)
    report = run(config, reader=resumed)
    assert (len(resumed.asked), report.counts["of them done before"]) == (2, 1)
    run(config.model_copy(update={"out": Path("whole")}), reader=Reader(boxes))
    assert contents(out) == contents(tmp_path / "whole")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")  # of the compiler itself
def test_a_compiled_network_answers_the_same(scene, checkpoint) -> None:
    """Pictures of one and of two hands: the compiled backbone meets batches of several sizes."""
    for compiled in (False, True):
        run(settings(checkpoint, scene, compile=compiled, out=Path(str(compiled)), mesh="none"))
    torch._dynamo.reset()
    plain, fast = (json.loads(Path(str(c), "predictions.json").read_text())["hands"] for c in (False, True))
    assert len(plain) == len(fast) == scene.hands
    for a, b in zip(plain, fast, strict=True):
        np.testing.assert_allclose(a["keypoints_3d"], b["keypoints_3d"], rtol=0, atol=1e-3)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["pred_vertices", "pred_cam", "pred_keypoints_2d"])
def test_answers_that_are_no_numbers_are_left_out_and_told_every_time(
    scene, checkpoint, tmp_path, monkeypatch, name, value
) -> None:
    opened, asked = predict_run.load_checkpoint, []

    def spoiling(*args, **kwargs):
        loaded = opened(*args, **kwargs)

        def hook(_module, _inputs, answer) -> None:
            for row in range(len(answer[name])):
                if len(asked) == 1:
                    answer[name][row].view(-1)[-1] = value
                asked.append(row)

        loaded.network.register_forward_hook(hook)
        return loaded

    monkeypatch.setattr(predict_run, "load_checkpoint", spoiling)
    config = settings(checkpoint, scene, mesh="none")
    for _ in range(2):  # done by now, the second run says the same
        report = run(config)
        (finding,) = (f for f in report.findings if f.code == "predict.not-finite")
        assert (finding.count, finding.severity) == (1, Severity.ERROR)
        assert report.counts["left out, answer not finite"] == 1
        assert report.counts["hands in the output"] == scene.hands - 1
    index = tmp_path / "predictions" / "predictions.json"
    assert len(decode(index.read_bytes(), "x")) == scene.hands - 1
    monkeypatch.setattr(predict_run, "load_checkpoint", opened)
    assert len(asked) == scene.hands


def test_a_network_that_answers_no_number_at_all_is_exit_4(scene, checkpoint, tmp_path) -> None:
    document = torch.load(checkpoint, weights_only=True)
    document["state_dict"]["mano_head.deccam.weight"] *= 1e38
    document["state_dict"]["mano_head.deccam.weight"] *= 10
    bad = tmp_path / "bad.ckpt"
    document["state_dict"]["mano_head.deccam.weight"].clamp_(-3e38, 3e38)
    torch.save(document, bad)
    with pytest.raises(DataError, match=f"{scene.hands} hands got answers that are not numbers"):
        run(settings(bad, scene))


def test_who_told_a_side_is_kept(scene, checkpoint, tmp_path) -> None:
    boxes = [HandBox(np.array([50.0, 50, 150, 150]), side, "test") for side in (None, "right")]
    for told, source in (("left", "test reader"), (None, "assumed")):
        out = Path(source.split()[0])
        config = PredictConfig(
            checkpoint=checkpoint, images=(scene.folder / "a0.png",), threads=1, overlay=False, mesh="none", out=out
        )
        for _ in range(2):
            report = run(config, reader=Reader(boxes, told=told))
            assert ("predict.side-assumed" in [f.code for f in report.findings]) == (told is None)
        kept = json.loads((out / "a0" / "hands.json").read_text())["hands"]
        assert [(h["side"], h["side_from"]) for h in kept] == [(told or "right", source), ("right", "test")]
