"""The embedded hand network on onnxruntime against the untouched one on its original runtime, on real hands.

    python benchmarks/prelabel_parity.py [DATA]        default: ../shared/data/real_hands

The same search (rotations, refinements) is run twice, once with each runtime behind it, on the same boxes; and
each square the first search looks at is also given to both runtimes. Prints a Markdown table. PCK@t: share of
labelled joints closer to the truth than t times the longer side of the box.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from hint_tools.core.geometry import Floats
from hint_tools.media.images import read_image
from hint_tools.prelabel.backends import HandAnswer, usable_boxes
from hint_tools.prelabel.landmarks import CROP_PX, LandmarkReader
from hint_tools.prelabel.onnx_network import OnnxNetwork
from hint_tools.prelabel.topdown import read_box
from hint_tools.prelabel.weights import ensure_hand_weights

THRESHOLDS = (0.05, 0.1, 0.2)
Outputs = dict[str, Any]


class OriginalNetwork:
    """The untouched .tflite file on TensorFlow Lite's runtime, one picture at a time."""

    def __init__(self, path: Path) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._interpreter = Interpreter(str(path), num_threads=2)
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._outputs = {d["name"]: d["index"] for d in self._interpreter.get_output_details()}

    def __call__(self, batch: Any) -> Outputs:
        """Output name -> array, for one batch."""
        rows = []
        for picture in batch:
            self._interpreter.set_tensor(self._input, picture[None])
            self._interpreter.invoke()
            rows.append({n: self._interpreter.get_tensor(i).copy() for n, i in self._outputs.items()})
        return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}


class Recorder:
    """A network that remembers what it was asked and what it answered."""

    def __init__(self, network: Callable[[Any], Outputs]) -> None:
        self._network = network
        self.batches: list[Any] = []
        self.answers: list[Outputs] = []
        self.seconds = 0.0

    def __call__(self, batch: Any) -> Outputs:
        """The network's answer."""
        start = time.perf_counter()
        answer = self._network(batch)
        self.seconds += time.perf_counter() - start
        self.batches.append(batch)
        self.answers.append(answer)
        return answer


def main(data: Path) -> None:
    weights = ensure_hand_weights()
    entries = json.loads((data / "hands.json").read_text())
    runners = {"onnxruntime": Recorder(OnnxNetwork(weights.landmark, threads=2))}
    runners["original"] = Recorder(OriginalNetwork(weights.tflite[1]))
    answers: dict[str, list[HandAnswer]] = {name: [] for name in runners}
    for entry in entries:
        image = read_image(data / "images" / entry["dataset"] / entry["file"])
        x, y, width, height = entry["bbox_xywh"]
        (box,) = usable_boxes(np.array([[x, y, x + width, y + height]]))
        for name, network in runners.items():
            answers[name].append(read_box(LandmarkReader(network), image, box))  # type: ignore[arg-type]
    errors = {name: [error(a, e) for a, e in zip(found, entries, strict=True)] for name, found in answers.items()}
    everyone = np.ones(len(entries), dtype=bool)
    large = np.array([max(e["bbox_xywh"][2:]) >= 32 for e in entries])
    print(f"Hands given: {len(entries)}; answered: {', '.join(f'{n} {len(a)}' for n, a in answers.items())}\n")
    print("| hands | runtime | " + " | ".join(f"PCK@{t:g}" for t in THRESHOLDS) + " |")
    print("|---|---|" + "---:|" * len(THRESHOLDS))
    for label, chosen in (("all", everyone), ("32 px and larger", large)):
        table = {name: pck(rows, chosen) for name, rows in errors.items()}
        for name, figures in table.items():
            print(f"| {label} ({chosen.sum()}) | {name} | " + " | ".join(f"{v:.2f}" for v in figures) + " |")
        difference = table["onnxruntime"] - table["original"]
        print(f"| {label} ({chosen.sum()}) | difference | " + " | ".join(f"{v:+.2f}" for v in difference) + " |")
        assert np.abs(difference).max() < 1, "the runtimes differ by a point or more"
    print_network_difference(runners, answers)


def error(answer: HandAnswer, entry: dict[str, Any]) -> Floats:
    """Distance of the labelled joints to the truth, over the longer side of the box."""
    labelled = np.array(entry["labelled"], dtype=bool)
    distance = np.linalg.norm(answer.keypoints - np.array(entry["keypoints"]), axis=1)
    scaled: Floats = distance[labelled] / max(entry["bbox_xywh"][2:])
    return scaled


def pck(errors: list[Floats], chosen: np.typing.NDArray[np.bool_]) -> Floats:
    """Percent of the joints of the chosen hands within each threshold."""
    joints = np.concatenate([e for e, c in zip(errors, chosen, strict=True) if c])
    return np.array([100 * float((joints < t).mean()) for t in THRESHOLDS])


def print_network_difference(runners: dict[str, Recorder], answers: dict[str, list[HandAnswer]]) -> None:
    """The largest difference on identical crops, and of whole answers."""
    ours, original = runners["onnxruntime"], OriginalNetwork(ensure_hand_weights().tflite[1])
    crops = sum(map(len, ours.batches))
    expected = [original(batch) for batch in ours.batches]
    pairs = list(zip(ours.answers, expected, strict=True))
    points = max(np.abs(a["Identity"] - b["Identity"]).max() for a, b in pairs)
    presence = max(np.abs(a["Identity_1"] - b["Identity_1"]).max() for a, b in pairs)
    twice = list(zip(answers["onnxruntime"], answers["original"], strict=True))
    whole = max(np.abs(a.keypoints - b.keypoints).max() for a, b in twice)
    seen = max(np.abs(a.keypoints - b.keypoints).max() for a, b in twice if a.hand_confidence > 0.5)
    print(f"\nLargest difference on {crops} identical crops: {points:.1e} px of {CROP_PX}, presence {presence:.1e}.")
    print(f"Largest keypoint difference of whole answers: {whole:.1e} px of the frame; of hands seen, {seen:.1e} px.")
    for name, network in runners.items():
        print(f"{name}: {1000 * network.seconds / sum(map(len, network.batches)):.1f} ms a crop, 2 threads.")


if __name__ == "__main__":
    default = Path(__file__).resolve().parents[2] / "shared" / "data" / "real_hands"
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else default)
