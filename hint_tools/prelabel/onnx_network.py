"""One ONNX network on the CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hint_tools.core.errors import DataError

Array = npt.NDArray[np.float32]


class OnnxNetwork:
    """An ONNX file with one float32 input, ready to answer.

    Args:
        path: the file.
        threads: that one call may use.

    Attributes:
        input_shape: as the file says; strings and None stand for any length.
        output_names: in the file's order.

    Raises:
        DataError: missing, or not an ONNX network with one float32 input.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        import onnxruntime

        if not path.is_file():
            raise DataError(f"{path}: no such network")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3  # warnings about a network's unused constants are not the user's
        try:
            self._session: Any = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's own error classes share no base
            raise DataError(f"{path}: expected an ONNX network ({error})") from error
        inputs = self._session.get_inputs()
        if len(inputs) != 1 or inputs[0].type != "tensor(float)":
            got = ", ".join(f"{i.name} {i.type}" for i in inputs)
            raise DataError(f"{path}: expected one float32 input, got {got}")
        self._input: str = inputs[0].name
        self.input_shape: list[int | str | None] = list(inputs[0].shape)
        self.output_names: list[str] = [o.name for o in self._session.get_outputs()]

    def __call__(self, batch: Array) -> dict[str, Array]:
        """Output name -> array, for one batch."""
        values = self._session.run(self.output_names, {self._input: batch})
        return dict(zip(self.output_names, values, strict=True))
