"""Crops and decoding of SimCC networks, against closed forms, and the ONNX backend on a network made by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from hint_tools.core.errors import DataError
from hint_tools.prelabel.onnx_backend import IMAGENET_MEAN, IMAGENET_STD, OnnxBackend
from hint_tools.prelabel.simcc import crop_size, decode_simcc, to_frame

SIZE = 64


def probe_network(path: Path, outputs: tuple[str, str] = ("simcc_x", "simcc_y"), joints: int = 21) -> Path:
    """A network whose scores are its input's first channel, summed over each axis, for every joint.

    So it answers the brightest column and row of the first channel: where a spot lies can be read off it.
    """
    tensor = helper.make_tensor_value_info
    nodes, initializers = [], [helper.make_tensor("joints", TensorProto.INT64, [3], [1, joints, 1])]
    initializers.append(helper.make_tensor("first", TensorProto.INT64, [1], [0]))
    nodes.append(helper.make_node("Gather", ["input", "first"], ["channel"], axis=1))
    for name, axis in zip(outputs, (2, 3), strict=True):
        initializers.append(helper.make_tensor(f"axis_{name}", TensorProto.INT64, [2], [1, axis]))
        nodes.append(helper.make_node("ReduceSum", ["channel", f"axis_{name}"], [f"row_{name}"], keepdims=0))
        initializers.append(helper.make_tensor(f"shape_{name}", TensorProto.INT64, [3], [1, 1, SIZE]))
        nodes.append(helper.make_node("Reshape", [f"row_{name}", f"shape_{name}"], [f"line_{name}"]))
        nodes.append(helper.make_node("Tile", [f"line_{name}", "joints"], [name]))
    graph = helper.make_graph(
        nodes,
        "probe",
        [tensor("input", TensorProto.FLOAT, [1, 3, SIZE, SIZE])],
        [tensor(name, TensorProto.FLOAT, [1, joints, SIZE]) for name in outputs],
        initializers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, path)
    return path


@given(
    st.floats(-50, 500), st.floats(-50, 500), st.floats(8, 300), st.floats(8, 300), st.floats(0, 256), st.floats(0, 192)
)
def test_the_crop_holds_the_padded_box_in_its_own_shape(x, y, width, height, u, v) -> None:
    box = np.array([x, y, x + width, y + height])
    size = crop_size(box, 256, 192)
    assert size[0] / size[1] == pytest.approx(256 / 192)
    assert size[0] >= width * 1.25 - 1e-9
    assert size[1] >= height * 1.25 - 1e-9
    middle = to_frame(np.array([[128.0, 96.0]]), box, 256, 192)
    np.testing.assert_allclose(middle, [[x + width / 2, y + height / 2]])
    step = to_frame(np.array([[u, v], [u + 1, v + 1]]), box, 256, 192)
    np.testing.assert_allclose(step[1] - step[0], size / [256, 192], atol=1e-6)


def test_decoding_takes_the_best_place_and_the_smaller_score() -> None:
    x, y = np.zeros((1, 2, 512)), np.zeros((1, 2, 384))
    x[0, 0, 100], y[0, 0, 31] = 0.9, 0.4
    x[0, 1, 511], y[0, 1, 0] = 0.2, 0.7
    places, scores = decode_simcc(x, y, (256, 192))
    np.testing.assert_allclose(places[0], [[50, 15.5], [255.5, 0]])
    np.testing.assert_allclose(scores[0], [0.4, 0.2])


@pytest.mark.parametrize("spot", [(90, 70), (60, 85), (75, 60)])
def test_a_red_spot_is_found_in_frame_pixels(tmp_path: Path, spot: tuple[int, int]) -> None:
    image = np.zeros((150, 150, 3), np.uint8)
    image[spot[1] - 1 : spot[1] + 2, spot[0] - 1 : spot[0] + 2, 0] = 255
    backend = OnnxBackend(probe_network(tmp_path / "probe.onnx"), threads=1)
    (answer,) = backend.predict(image, np.array([[50.0, 50, 101.2, 101.2]]), ["left"])  # one px a px
    np.testing.assert_allclose(answer.keypoints, np.tile(spot, (21, 1)), atol=1.01)
    assert (answer.side, np.isnan(answer.side_confidence)) == ("left", True)


def test_the_first_channel_is_red_unless_told_otherwise(tmp_path: Path) -> None:
    path = probe_network(tmp_path / "probe.onnx")
    image = np.zeros((SIZE, SIZE, 3), np.uint8)
    image[..., 0] = 255
    box = np.array([10.0, 10, 40, 40])
    red = OnnxBackend(path, threads=1).network_input(image, box)
    assert red[0, 0].max() == pytest.approx((255 - IMAGENET_MEAN[0]) / IMAGENET_STD[0])
    assert red[0, 2].max() == pytest.approx(-IMAGENET_MEAN[2] / IMAGENET_STD[2])
    blue_first = OnnxBackend(path, channels="bgr", mean=(0, 0, 0), std=(1, 1, 2), threads=1).network_input(image, box)
    assert [blue_first[0, k].max() for k in range(3)] == [0, 0, 127.5]


def test_settings_that_change_the_answer_change_the_name(tmp_path: Path) -> None:
    path = probe_network(tmp_path / "probe.onnx")
    names = {OnnxBackend(path).name, OnnxBackend(path, channels="bgr").name, OnnxBackend(path, std=(1, 1, 1)).name}
    assert len(names) == 3


def test_another_network_is_refused(tmp_path: Path, weights) -> None:
    with pytest.raises(DataError, match="simcc_x"):
        OnnxBackend(probe_network(tmp_path / "named.onnx", outputs=("a", "b")))
    with pytest.raises(DataError, match="shape"):
        OnnxBackend(weights.landmark)
    with pytest.raises(DataError, match="no such network"):
        OnnxBackend(tmp_path / "absent.onnx")
    (tmp_path / "text.onnx").write_text("not a network")
    with pytest.raises(DataError, match="expected an ONNX network"):
        OnnxBackend(tmp_path / "text.onnx")


def test_another_number_of_joints_is_refused(tmp_path: Path, noise) -> None:
    backend = OnnxBackend(probe_network(tmp_path / "body.onnx", joints=17), threads=1)
    with pytest.raises(DataError, match="21"):
        backend.predict(noise, np.array([[0.0, 0, 50, 50]]), [None])
