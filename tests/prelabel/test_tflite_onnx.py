"""The converted networks answer what TFLite's own runtime answers on the untouched files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hint_tools.core.errors import DataError
from hint_tools.prelabel.landmarks import LandmarkReader
from hint_tools.prelabel.onnx_network import OnnxNetwork
from hint_tools.prelabel.roi import Roi
from hint_tools.prelabel.tflite_onnx import convert_tflite, same_padding

TOLERANCE = 3e-4
"""Of answers as large as 224 px. The original runtime's own two sets of kernels differ by 2.3e-4 on these crops."""


def litert(path: Path, batch: np.ndarray) -> dict[str, np.ndarray]:
    """The original runtime's answer, one picture at a time."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    rows = []
    for picture in batch:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], picture[None])
        interpreter.invoke()
        rows.append({d["name"]: interpreter.get_tensor(d["index"]).copy() for d in interpreter.get_output_details()})
    return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}


@pytest.mark.parametrize(("index", "size"), [(0, 192), (1, 224)], ids=["palm", "landmark"])
def test_random_pictures_answer_as_in_the_original_runtime(weights, index: int, size: int) -> None:
    tflite, converted = weights.tflite[index], (weights.palm, weights.landmark)[index]
    batch = np.random.default_rng(1).random((3, size, size, 3), dtype=np.float32)
    expected, got = litert(tflite, batch), OnnxNetwork(converted)(batch)
    assert sorted(got) == sorted(expected)
    for name, values in expected.items():
        assert np.ptp(values) > 0, f"{name} says nothing about the input"
        np.testing.assert_allclose(got[name], values, atol=TOLERANCE, rtol=0)


@pytest.mark.shared
def test_real_crops_answer_as_in_the_original_runtime(weights, real_hands) -> None:
    reader = LandmarkReader(OnnxNetwork(weights.landmark))
    crops = np.concatenate(
        [reader.crops(h.image, [Roi((h.box[:2] + h.box[2:]) / 2, 1.6 * h.size_px)]) for h in real_hands]
    )
    expected, got = litert(weights.tflite[1], crops), OnnxNetwork(weights.landmark)(crops)
    for name, values in expected.items():
        np.testing.assert_allclose(got[name], values, atol=TOLERANCE, rtol=0)


def test_the_same_bytes_come_out_every_time(weights) -> None:
    data = weights.tflite[0].read_bytes()
    assert convert_tflite(data) == convert_tflite(data) == weights.palm.read_bytes()


def test_a_batch_answers_as_its_pictures_do_alone(weights) -> None:
    network = OnnxNetwork(weights.landmark)
    batch = np.random.default_rng(2).random((3, 224, 224, 3), dtype=np.float32)
    together = network(batch)["Identity"]
    alone = np.concatenate([network(picture[None])["Identity"] for picture in batch])
    np.testing.assert_allclose(together, alone, atol=TOLERANCE, rtol=0)


@given(st.integers(1, 300), st.integers(1, 7), st.integers(1, 4), st.integers(1, 3))
def test_same_padding_gives_as_many_outputs_as_tflite_promises(
    size: int, kernel: int, stride: int, dilation: int
) -> None:
    before, after = same_padding(size, kernel, stride, dilation)
    reach = (kernel - 1) * dilation + 1
    padded = size + before + after
    if padded >= reach:
        assert (padded - reach) // stride + 1 >= -(-size // stride)
    assert 0 <= after - before <= 1


def test_the_heavier_padding_lies_after(weights) -> None:
    """An even-sized picture and a 3 x 3 window with stride 2: nothing before, one after."""
    assert same_padding(224, 3, 2) == (0, 1)
    first = next(n for n in onnx.load(weights.landmark).graph.node if n.op_type == "Conv")
    pads = next(list(a.ints) for a in first.attribute if a.name == "pads")
    assert pads == [0, 0, 1, 1]


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 not a network at all"])
def test_something_else_is_refused(data: bytes) -> None:
    with pytest.raises(DataError, match="expected a TFLite file"):
        convert_tflite(data, "x.tflite")
