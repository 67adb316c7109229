"""A float TFLite network as an ONNX one that answers the same.

Only what the hand networks are made of: 13 kinds of operators, float32 activations, weights in float32
or float16. Four-dimensional activations are kept channels-first between the input and the heads, as
ONNX's convolutions want them; the input and the outputs keep TFLite's channels-last layout. The first
axis may be any length, though TFLite's was 1.

Sources: the TFLite schema (`tflite`), the reference kernels' definition of SAME padding, ONNX opset 18.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import tflite
from onnx import TensorProto, helper, numpy_helper

from hint_tools.core.errors import DataError

OPSET = 18
IR_VERSION = 9
INPUT_NAME = "input"

Array = npt.NDArray[Any]

_DTYPES = {
    tflite.TensorType.FLOAT32: np.float32,
    tflite.TensorType.FLOAT16: np.float16,
    tflite.TensorType.INT32: np.int32,
}
_OPERATORS = {code: name for name, code in vars(tflite.BuiltinOperator).items() if isinstance(code, int)}
_TO_CHANNELS_FIRST = (0, 3, 1, 2)
_TO_CHANNELS_LAST = (0, 2, 3, 1)


def convert_tflite(data: bytes, source: str = "network") -> bytes:
    """The ONNX file of a TFLite one; the same bytes for the same bytes.

    Args:
        data: a TFLite flatbuffer with one subgraph and one input.
        source: what to call it in messages.

    Raises:
        DataError: not a TFLite file, or made of something else than the known operators.
    """
    if data[4:8] != b"TFL3":
        raise DataError(f"{source}: expected a TFLite file (TFL3 at byte 4), got {data[4:8]!r}")
    return _Converter(tflite.Model.GetRootAsModel(data, 0), source).convert()


def same_padding(size: int, kernel: int, stride: int, dilation: int = 1) -> tuple[int, int]:
    """Zeros before and after an axis of `size` such that ceil(size / stride) outputs fit (TFLite's SAME)."""
    steps = -(-size // stride)
    total = max((steps - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2


class _Converter:
    """One conversion: the tensors known so far, by TFLite index, and the nodes made from them."""

    def __init__(self, model: Any, source: str) -> None:
        self.model = model
        self.source = source
        self.graph = model.Subgraphs(0)
        self.tensors = [self.graph.Tensors(i) for i in range(self.graph.TensorsLength())]
        self.constants = self._read_constants()
        self.first: dict[int, str] = {}  # activations with channels first
        self.last: dict[int, str] = {}  # activations with channels last, or with fewer than 4 axes
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []
        self.handlers: dict[str, Callable[[Any, list[int], int], None]] = {
            "ADD": self._add,
            "CONCATENATION": self._concatenation,
            "CONV_2D": self._convolution,
            "DEPTHWISE_CONV_2D": self._convolution,
            "DEQUANTIZE": self._dequantize,
            "FULLY_CONNECTED": self._fully_connected,
            "LOGISTIC": self._logistic,
            "MAX_POOL_2D": self._pool,
            "MEAN": self._mean,
            "PAD": self._pad,
            "PRELU": self._prelu,
            "RESHAPE": self._reshape,
            "RESIZE_BILINEAR": self._resize,
        }

    def convert(self) -> bytes:
        if self.graph.InputsLength() != 1:
            raise DataError(f"{self.source}: expected one input, got {self.graph.InputsLength()}")
        entrance = self.graph.Inputs(0)
        self.last[entrance] = INPUT_NAME
        for k in range(self.graph.OperatorsLength()):
            operator = self.graph.Operators(k)
            name = self._operator_name(operator)
            if name not in self.handlers:
                raise DataError(f"{self.source}: operator {name} is not among {', '.join(sorted(self.handlers))}")
            self.handlers[name](operator, operator.InputsAsNumpy().tolist(), operator.Outputs(0))
        outputs = []
        for k in range(self.graph.OutputsLength()):
            index = self.graph.Outputs(k)
            name = self.tensors[index].Name().decode()
            self._node("Identity", [self._channels_last(index)], output=name)
            outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", *self._shape(index)[1:]]))
        inputs = [helper.make_tensor_value_info(INPUT_NAME, TensorProto.FLOAT, ["n", *self._shape(entrance)[1:]])]
        made = helper.make_model(
            helper.make_graph(self.nodes, "network", inputs, outputs, self.initializers),
            opset_imports=[helper.make_opsetid("", OPSET)],
            producer_name="hint-tools",
            ir_version=IR_VERSION,
        )
        onnx.checker.check_model(made)
        serialised: bytes = made.SerializeToString(deterministic=True)
        return serialised

    # ---- reading

    def _read_constants(self) -> dict[int, Array]:
        constants = {}
        for index, tensor in enumerate(self.tensors):
            buffer = self.model.Buffers(tensor.Buffer())
            if not buffer.DataLength():
                continue
            if tensor.Type() not in _DTYPES:
                raise DataError(f"{self.source}: tensor {index} has type {tensor.Type()}, expected float or int32")
            flat = np.frombuffer(buffer.DataAsNumpy().tobytes(), _DTYPES[tensor.Type()])
            constants[index] = flat.reshape(self._shape(index))
        return constants

    def _shape(self, index: int) -> list[int]:
        tensor = self.tensors[index]
        return [int(n) for n in tensor.ShapeAsNumpy()] if tensor.ShapeLength() else []

    def _operator_name(self, operator: Any) -> str:
        code = self.model.OperatorCodes(operator.OpcodeIndex())
        number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())  # old files fill only the deprecated field
        return str(_OPERATORS.get(number, f"number {number}"))

    @staticmethod
    def _options(operator: Any, kind: Any) -> Any:
        table = operator.BuiltinOptions()
        options = kind()
        options.Init(table.Bytes, table.Pos)
        return options

    def _weights(self, index: int) -> Array:
        return self.constants[index].astype(np.float32)

    # ---- writing

    def _node(self, kind: str, inputs: Sequence[str], output: str = "", **attributes: Any) -> str:
        output = output or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def _constant(self, value: Any) -> str:
        name = f"constant_{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def _channels_first(self, index: int) -> str:
        if index not in self.first:
            self.first[index] = self._node("Transpose", [self.last[index]], perm=_TO_CHANNELS_FIRST)
        return self.first[index]

    def _channels_last(self, index: int) -> str:
        if index not in self.last:
            self.last[index] = self._node("Transpose", [self.first[index]], perm=_TO_CHANNELS_LAST)
        return self.last[index]

    def _activated(self, name: str, activation: int) -> str:
        kinds = tflite.ActivationFunctionType
        if activation == kinds.NONE:
            return name
        if activation == kinds.RELU:
            return self._node("Relu", [name])
        if activation == kinds.RELU6:
            return self._node("Clip", [name, self._constant(np.float32(0)), self._constant(np.float32(6))])
        raise DataError(f"{self.source}: activation {activation} is not known")

    def _padding(
        self, kind: int, size: list[int], kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
    ) -> list[int]:
        """ONNX's pads (top, left, bottom, right) of a window over an image of `size` (height, width)."""
        if kind == tflite.Padding.VALID:
            return [0, 0, 0, 0]
        (top, bottom), (left, right) = (
            same_padding(*axis) for axis in zip(size, kernel, stride, dilation, strict=True)
        )
        return [top, left, bottom, right]

    # ---- one method an operator; all have the signature (operator, inputs, output)

    def _dequantize(self, operator: Any, inputs: list[int], output: int) -> None:
        self.constants[output] = self._weights(inputs[0])

    def _convolution(self, operator: Any, inputs: list[int], output: int) -> None:
        depthwise = self._operator_name(operator) == "DEPTHWISE_CONV_2D"
        options = self._options(operator, tflite.DepthwiseConv2DOptions if depthwise else tflite.Conv2DOptions)
        # TFLite keeps (out, y, x, in), and (1, y, x, out) for depthwise; ONNX wants (out, in / groups, y, x)
        weights = self._weights(inputs[1]).transpose((3, 0, 1, 2) if depthwise else (0, 3, 1, 2))
        stride = (options.StrideH(), options.StrideW())
        dilation = (options.DilationHFactor(), options.DilationWFactor())
        kernel = weights.shape[2:]
        operands = [self._channels_first(inputs[0]), self._constant(weights)]
        if len(inputs) > 2 and inputs[2] >= 0:
            operands.append(self._constant(self._weights(inputs[2])))
        made = self._node(
            "Conv",
            operands,
            kernel_shape=kernel,
            strides=stride,
            dilations=dilation,
            group=weights.shape[0] if depthwise else 1,
            pads=self._padding(options.Padding(), self._shape(inputs[0])[1:3], kernel, stride, dilation),
        )
        self.first[output] = self._activated(made, options.FusedActivationFunction())

    def _prelu(self, operator: Any, inputs: list[int], output: int) -> None:
        slope = self._weights(inputs[1]).reshape(-1, 1, 1)
        self.first[output] = self._node("PRelu", [self._channels_first(inputs[0]), self._constant(slope)])

    def _add(self, operator: Any, inputs: list[int], output: int) -> None:
        if any(i in self.constants for i in inputs):
            raise DataError(f"{self.source}: ADD of a constant is not known")
        options = self._options(operator, tflite.AddOptions)
        image = len(self._shape(output)) == 4
        read, known = (self._channels_first, self.first) if image else (self._channels_last, self.last)
        made = self._node("Add", [read(i) for i in inputs])
        known[output] = self._activated(made, options.FusedActivationFunction())

    def _pool(self, operator: Any, inputs: list[int], output: int) -> None:
        options = self._options(operator, tflite.Pool2DOptions)
        kernel = (options.FilterHeight(), options.FilterWidth())
        stride = (options.StrideH(), options.StrideW())
        made = self._node(
            "MaxPool",
            [self._channels_first(inputs[0])],
            kernel_shape=kernel,
            strides=stride,
            pads=self._padding(options.Padding(), self._shape(inputs[0])[1:3], kernel, stride, (1, 1)),
        )
        self.first[output] = self._activated(made, options.FusedActivationFunction())

    def _pad(self, operator: Any, inputs: list[int], output: int) -> None:
        amounts = self.constants[inputs[1]].astype(np.int64)[list(_TO_CHANNELS_FIRST)]  # (axis, before and after)
        self.first[output] = self._node("Pad", [self._channels_first(inputs[0]), self._constant(amounts.T.ravel())])

    def _resize(self, operator: Any, inputs: list[int], output: int) -> None:
        options = self._options(operator, tflite.ResizeBilinearOptions)
        corners = "half_pixel" if options.HalfPixelCenters() else "asymmetric"
        size = self.constants[inputs[1]].astype(np.int64)
        self.first[output] = self._node(
            "Resize",
            [self._channels_first(inputs[0]), "", "", self._constant(size)],
            mode="linear",
            axes=[2, 3],
            coordinate_transformation_mode="align_corners" if options.AlignCorners() else corners,
        )

    def _reshape(self, operator: Any, inputs: list[int], output: int) -> None:
        shape = np.array([-1, *self._shape(output)[1:]], np.int64)
        self.last[output] = self._node("Reshape", [self._channels_last(inputs[0]), self._constant(shape)])

    def _concatenation(self, operator: Any, inputs: list[int], output: int) -> None:
        axis = self._options(operator, tflite.ConcatenationOptions).Axis()
        self.last[output] = self._node("Concat", [self._channels_last(i) for i in inputs], axis=axis)

    def _mean(self, operator: Any, inputs: list[int], output: int) -> None:
        keep = self._options(operator, tflite.ReducerOptions).KeepDims()
        axes = self.constants[inputs[1]].astype(np.int64).ravel()
        operands = [self._channels_last(inputs[0]), self._constant(axes)]
        self.last[output] = self._node("ReduceMean", operands, keepdims=int(keep))

    def _fully_connected(self, operator: Any, inputs: list[int], output: int) -> None:
        options = self._options(operator, tflite.FullyConnectedOptions)
        weights = self._weights(inputs[1])
        shape = self._constant(np.array([-1, weights.shape[1]], np.int64))
        rows = self._node("Reshape", [self._channels_last(inputs[0]), shape])
        operands = [rows, self._constant(weights)]
        if len(inputs) > 2 and inputs[2] >= 0:
            operands.append(self._constant(self._weights(inputs[2])))
        made = self._node("Gemm", operands, transB=1)
        self.last[output] = self._activated(made, options.FusedActivationFunction())

    def _logistic(self, operator: Any, inputs: list[int], output: int) -> None:
        self.last[output] = self._node("Sigmoid", [self._channels_last(inputs[0])])
