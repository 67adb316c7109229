"""The stages by name: where their settings and their `run` are, without importing any of them."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from hint_tools.core.errors import EnvironmentFault, UsageError
from hint_tools.core.report import Report
from hint_tools.store.config import StageConfig
from hint_tools.store.project import Project

_EXTRA_OF_PACKAGE: Final = {
    "torch": "train",
    "lightning_fabric": "train",
    "safetensors": "train",
    "numba": "train",
    "label_studio_sdk": "labelstudio",
}


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage: `module:name` of its settings and of its function.

    Args:
        name: the word in YAML files, in `hint.toml` and on the command line.
        config: of a `StageConfig`.
        run: of a function (config, project) -> Report.
        needs_project: False where it also works outside a project (`project` is then None).
    """

    name: str
    config: str
    run: str
    needs_project: bool = True

    @property
    def section(self) -> str:
        """Its section of `hint.toml`: `server` for `server-down` too."""
        return self.name.partition("-")[0]

    def config_class(self) -> type[StageConfig]:
        """The class of its settings, imported now."""
        return _load(self.config)  # type: ignore[no-any-return]

    def run_function(self) -> Callable[[Any, Project | None], Report]:
        """Its function, imported now.

        Raises:
            EnvironmentFault: a package of an optional extra is not installed.
        """
        return _load(self.run)  # type: ignore[no-any-return]


def _load(reference: str) -> Any:
    module, _, name = reference.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("hint_tools"):
            raise
        raise missing_package(error) from error


def missing_package(error: ModuleNotFoundError) -> EnvironmentFault:
    """The error a user can act on, for a package that is not installed."""
    package = (error.name or "?").partition(".")[0]
    extra = _EXTRA_OF_PACKAGE.get(package)
    fix = f"pip install 'hint-tools[{extra}]'" if extra else f"pip install {package}"
    return EnvironmentFault(f"the package {package!r} is needed here and not installed", hint=fix)


_ALL: Final = (
    Stage("sample", "hint_tools.sample.config:SampleConfig", "hint_tools.sample.run:run"),
    Stage("prelabel", "hint_tools.prelabel.config:PrelabelConfig", "hint_tools.prelabel.run:run", False),
    Stage("server", "hint_tools.labelstudio.config:ServerConfig", "hint_tools.labelstudio.server:run_up"),
    Stage("server-down", "hint_tools.labelstudio.config:ServerConfig", "hint_tools.labelstudio.server:run_down"),
    Stage("server-status", "hint_tools.labelstudio.config:ServerConfig", "hint_tools.labelstudio.server:run_status"),
    Stage(
        "server-install",
        "hint_tools.labelstudio.config:ServerConfig",
        "hint_tools.labelstudio.server:run_install",
        False,
    ),
    Stage("push", "hint_tools.labelstudio.config:PushConfig", "hint_tools.labelstudio.push:run_push"),
    Stage("pull", "hint_tools.labelstudio.config:PullConfig", "hint_tools.labelstudio.pull:run_pull"),
    Stage("qc", "hint_tools.qc.config:QcConfig", "hint_tools.qc.run:run"),
    Stage("qc-sigma", "hint_tools.qc.config:SigmaConfig", "hint_tools.qc.sigma_command:run_sigma", False),
    Stage("fit", "hint_tools.fit.config:FitConfig", "hint_tools.fit.run:run"),
    Stage("release", "hint_tools.release.config:ReleaseBuildConfig", "hint_tools.release.build:run_build"),
    Stage("verify", "hint_tools.release.config:ReleaseVerifyConfig", "hint_tools.release.verify:run_verify", False),
    Stage("rebuild", "hint_tools.release.config:ReleaseRebuildConfig", "hint_tools.release.rebuild:run_rebuild", False),
    Stage("train", "hint_tools.train.config:TrainConfig", "hint_tools.train.run:run", False),
    Stage("predict", "hint_tools.predict.config:PredictConfig", "hint_tools.pipeline.predict:run_predict", False),
    Stage("benchmark", "hint_tools.benchmark.config:BenchmarkConfig", "hint_tools.benchmark.run:run", False),
    Stage("demo", "hint_tools.pipeline.demo_config:DemoConfig", "hint_tools.pipeline.demo:run_demo", False),
)

STAGES: Final = MappingProxyType({s.name: s for s in _ALL})


def stage(name: str) -> Stage:
    """The stage called `name`.

    Raises:
        UsageError: there is none; the nearest names are offered.
    """
    if name not in STAGES:
        raise UsageError(f"no stage {name!r}; expected one of {', '.join(STAGES)}")
    return STAGES[name]


def settings(chosen: Stage, project: Project | None, where: str, values: dict[str, Any], *bases: Path) -> StageConfig:
    """A stage's settings: its own defaults, then the project's section, then `values`.

    Args:
        chosen: the stage.
        project: its section's relative paths count from its folder.
        where: what messages call the place `values` come from.
        values: as they were written there.
        bases: what relative paths in `values` count from (`StageConfig.rooted`); default: the working directory.

    Raises:
        ConfigError: a value doesn't fit; all problems are listed with where each came from.
    """
    config = chosen.config_class()
    layers = [(where, config.rooted(values, *(bases or (Path.cwd(),))))]
    if project is not None:
        section = config.rooted(project.section(chosen.section), project.root)
        layers.insert(0, (f"hint.toml [{chosen.section}]", section))
    return config.layered(*layers)
