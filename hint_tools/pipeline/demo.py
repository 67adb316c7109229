"""`hint demo`: a whole round on the synthetic world, every stage for real, scored by exact truth.

The folder it makes::

    world/        what was rendered: Ego4D's layout, a plain folder, an evaluation set, the truth
    project/      the round: an ordinary project that every other command works on
    report.html   what came out, held against the truth
    demo.json     settings and finished steps; planted.jsonl: the mistakes the annotators made
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hint_tools.core.errors import ConfigError
from hint_tools.core.findings import Finding
from hint_tools.core.progress import note
from hint_tools.core.records import Split
from hint_tools.core.report import Report
from hint_tools.pipeline.demo_config import DemoConfig
from hint_tools.pipeline.stages import settings, stage
from hint_tools.store.atomic import read_json, write_json
from hint_tools.store.project import Project, create_project

STATE_VERSION = 1
RELEASE = "demo"
RUN = "demo"
_EVAL_FOLDER = "benchmark-3d"
_BATCH = 8
_PER_ACTION = 4
"""The clips hold few actions; more frames of each make the round worth looking at."""
_TEST_FRACTION = 0.3
"""Of three videos one is for testing."""


@dataclass
class _Demo:
    """What has been done so far; every finished step is on disk before the next begins.

    Args:
        config: the settings.
        root: the demo's folder.
        steps: name -> seconds and counts of finished steps.
        findings: of the stages run now.
    """

    config: DemoConfig
    root: Path
    steps: dict[str, dict[str, Any]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    @property
    def state(self) -> Path:
        return self.root / "demo.json"

    @property
    def planted(self) -> Path:
        return self.root / "planted.jsonl"

    def done(self, *names: str) -> bool:
        return all(n in self.steps for n in names)

    def step(self, name: str, work: Callable[[], dict[str, Any]]) -> None:
        """Do a step, unless an earlier run finished it."""
        if name in self.steps:
            return
        note(f"demo: {name}")
        begun = time.perf_counter()
        counts = work()
        self.steps[name] = {"seconds": round(time.perf_counter() - begun, 2), "counts": counts}
        self.save()

    def save(self) -> None:
        write_json(self.state, {"version": STATE_VERSION, "settings": _lasting(self.config), "steps": self.steps})


def run_demo(config: DemoConfig, project: Project | None = None) -> Report:
    """Make the world, run every stage of a round on it, and compare with the truth.

    Args:
        config: how large it is and where.
        project: not used; the demo makes its own.

    Raises:
        ConfigError: the folder holds a demo of other settings.
        HintError: whatever a stage raises; the same command continues where it stopped.
    """
    root = config.out.expanduser().resolve()
    demo = _Demo(config, root)
    _recall(demo)
    if config.dry_run:
        return Report(stage="demo", counts={"folder": str(root), "steps already done": len(demo.steps)})
    begun = time.perf_counter()
    _run(demo)
    return _report(demo, time.perf_counter() - begun)


def _lasting(config: DemoConfig) -> dict[str, Any]:
    """The settings that decide what comes out."""
    return config.model_dump(mode="json", exclude={"out", "keep_server", "dry_run"})


def _recall(demo: _Demo) -> None:
    """The steps an earlier run finished in the same folder."""
    if not demo.state.exists():
        return
    kept = read_json(demo.state)
    if kept.get("version") != STATE_VERSION or kept.get("settings") != _lasting(demo.config):
        raise ConfigError(
            f"{demo.state}: expected a demo with {_lasting(demo.config)}, got one with {kept.get('settings')}",
            hint=f"name another folder with --out, or delete {demo.root}",
        )
    demo.steps = dict(kept["steps"])


def _run(demo: _Demo) -> None:
    if demo.done("report"):
        return
    from hint_tools.synth.world import World, WorldPlan, build_world

    config = demo.config
    plan = WorldPlan(seed=config.seed, n_images=config.images, n_clips=config.clips, clip_frames=config.clip_frames)
    world = World(demo.root / "world", plan)
    demo.step("world", lambda: {"true hands": len(build_world(world.root, plan).truth().hands)})
    project = create_project(demo.root / "project", "demo")
    ego4d = {"source": "ego4d", "root": world.ego4d, "n": config.ego4d_frames, "seed": config.seed}
    ego4d |= {"per_action": _PER_ACTION, "test_fraction": _TEST_FRACTION}
    footage = {"source": "folder", "root": world.footage, "n": config.folder_frames, "seed": config.seed}
    demo.step("sample ego4d", lambda: _stage(demo, project, "sample", ego4d))
    demo.step("sample folder", lambda: _stage(demo, project, "sample", footage))
    demo.step("prelabel", lambda: _stage(demo, project, "prelabel", {}))
    _label(demo, project, world)
    demo.step("qc", lambda: _stage(demo, project, "qc", {"seed": config.seed}))
    demo.step("fit", lambda: _stage(demo, project, "fit", {}))
    demo.step("qc with fits", lambda: _qc_with_fits(demo, project))
    demo.step("release", lambda: _stage(demo, project, "release", {"name": RELEASE}))
    _learn(demo, project, world)
    demo.step("report", lambda: _write_page(demo, project, world))


def _stage(demo: _Demo, project: Project, name: str, values: dict[str, Any]) -> dict[str, Any]:
    """Run a stage as its command does; its counts."""
    chosen = stage(name)
    report = chosen.run_function()(settings(chosen, project, "hint demo", values), project)
    demo.findings.extend(report.findings)
    return dict(report.counts)


def _qc_with_fits(demo: _Demo, project: Project) -> dict[str, Any]:
    """Once more, now that joints can be held against fits; its findings take the place of the first ones."""
    demo.findings[:] = [f for f in demo.findings if not f.code.startswith("qc.")]
    return _stage(demo, project, "qc", {"seed": demo.config.seed})


def _label(demo: _Demo, project: Project, world: Any) -> None:
    """Push, answers of three people, pull: all against a real server, which is stopped again."""
    names = ("push", "annotate", "pull")
    if demo.done(*names):
        return
    from hint_tools.labelstudio.config import ServerConfig
    from hint_tools.labelstudio.server import run_down
    from hint_tools.pipeline.demo_annotate import answer_all
    from hint_tools.synth.annotators import PROFILES

    people = [p.name for p in PROFILES]
    began = time.perf_counter()
    counts = _stage(demo, project, "server", {"annotators": people})
    demo.steps["server"] = {"seconds": round(time.perf_counter() - began, 2), "counts": counts}
    try:
        demo.step("push", lambda: _stage(demo, project, "push", {"maximum_annotations": len(people)}))
        demo.step("annotate", lambda: answer_all(project, world.truth(), demo.planted, demo.config.seed))
        demo.step("pull", lambda: _stage(demo, project, "pull", {}))
    finally:
        if not demo.config.keep_server:
            run_down(ServerConfig(annotators=people), project)


def _learn(demo: _Demo, project: Project, world: Any) -> None:
    """Train a small network on the release, and score it on the release and in space."""
    release = project.root / "releases" / RELEASE
    checkpoint = project.root / "runs" / RUN / "last.ckpt"
    common = {"checkpoint": checkpoint, "bootstrap": 200}
    training = {
        "release": release,
        "name": RUN,
        "preset": "small",
        "steps": demo.config.train_steps,
        "batch_size": _BATCH,
        "seed": demo.config.seed,
        "threads": 1,  # a second thread makes a network this small slower
        "resume": (project.root / "runs" / RUN).exists(),
    }
    in_space = {**common, "npz": (world.eval_npz,), "images": world.eval_images, "out": project.root / _EVAL_FOLDER}
    demo.step("train", lambda: _stage(demo, project, "train", training))
    demo.step("benchmark", lambda: _stage(demo, project, "benchmark", {**common, **_on_release(project, release)}))
    demo.step("benchmark 3D", lambda: _stage(demo, project, "benchmark", in_space))


def _on_release(project: Project, release: Path) -> dict[str, Any]:
    """Score on the hands that training did not see, where there are any."""
    split = Split.TEST if any(h.split == Split.TEST for h in project.hands()) else Split.TRAIN
    return {"release": release, "split": str(split), "out": project.root / "benchmark"}


def _write_page(demo: _Demo, project: Project, world: Any) -> dict[str, Any]:
    from hint_tools.pipeline.demo_annotate import planted_mistakes
    from hint_tools.pipeline.demo_compare import compare
    from hint_tools.pipeline.demo_page import summary, write_page

    comparison = compare(project, world.truth(), planted_mistakes(demo.planted))
    write_page(demo.root / "report.html", project, comparison, demo.steps)
    return summary(comparison)


def _report(demo: _Demo, seconds: float) -> Report:
    result = demo.steps["report"]["counts"]
    took = {name: step["seconds"] for name, step in demo.steps.items()}
    counts: dict[str, int | float | str] = {
        **result,
        "seconds of all steps": round(sum(took.values()), 1),
        "seconds now": round(seconds, 1),
    }
    return Report(
        stage="demo",
        counts=counts,
        findings=tuple(demo.findings),
        outputs=(str(demo.root / "report.html"), str(demo.root / "project" / "qc" / "report.html")),
        next_command=f"hint status --project {shlex.quote(str(demo.root / 'project'))}",
        details={"seconds": took, "steps": demo.steps},
    )
