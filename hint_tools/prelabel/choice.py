"""The backend and the detector that the settings ask for."""

from __future__ import annotations

from pathlib import Path

from hint_tools.core.errors import ConfigError
from hint_tools.prelabel.backends import Backend, HandDetector
from hint_tools.prelabel.config import PrelabelConfig


def make_backend(config: PrelabelConfig) -> Backend:
    """The backend of the settings, loaded.

    Args:
        config: the settings; their paths count from the working directory.

    Raises:
        ConfigError: a file is missing. EnvironmentFault: a package or the weights are missing.
        DataError: a file is not the network it should be.
    """
    if config.backend == "mediapipe":
        from hint_tools.prelabel.mediapipe_backend import MediapipeBackend

        return MediapipeBackend(config.threads)
    if config.backend == "onnx":
        from hint_tools.prelabel.onnx_backend import IMAGENET_MEAN, IMAGENET_STD, OnnxBackend

        return OnnxBackend(
            _given(config.weights, "weights"),
            channels=config.channels,
            mean=config.mean or IMAGENET_MEAN,
            std=config.std or IMAGENET_STD,
            threads=config.threads,
        )
    from hint_tools.prelabel.mmpose_backend import MmposeBackend

    _limit_torch(config.threads)
    model, checkpoint = _given(config.config, "config"), _given(config.checkpoint, "checkpoint")
    return MmposeBackend(model, checkpoint, flip_test=config.flip_test)


def make_detector(config: PrelabelConfig) -> HandDetector | None:
    """The detector of the settings, loaded; None where nothing is to be looked for. Raises as `make_backend`."""
    kind = config.resolved_detector()
    if kind == "none":
        return None
    if kind == "mediapipe":
        from hint_tools.prelabel.mediapipe_backend import MediapipeDetector

        return MediapipeDetector(
            config.detection_threshold, config.max_hands, tiles=config.tiles, threads=config.threads
        )
    from hint_tools.prelabel.mmpose_backend import MmdetDetector

    _limit_torch(config.threads)
    return MmdetDetector(
        _given(config.detector_config, "detector_config"),
        _given(config.detector_checkpoint, "detector_checkpoint"),
        threshold=config.detection_threshold,
        max_hands=config.max_hands,
    )


def _given(path: Path | None, name: str) -> Path:
    if path is None:
        raise ConfigError(f"{name}: expected a file, got nothing", hint=f"--{name.replace('_', '-')} FILE")
    return path.expanduser()


def _limit_torch(threads: int) -> None:
    import importlib.util

    if importlib.util.find_spec("torch") is not None:
        import torch

        torch.set_num_threads(threads)
