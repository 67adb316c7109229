"""The demo: resumed step by step, refusing a folder of another demo, and, for real, better than its annotators."""

import json
import os

import pytest

from hint_tools.core.errors import ConfigError, HintError
from hint_tools.pipeline.demo import run_demo
from hint_tools.pipeline.demo_config import DemoConfig

SMALL = {"images": 4, "clips": 2, "clip_frames": 90, "ego4d_frames": 4, "folder_frames": 4, "train_steps": 2}


def test_a_dry_run_writes_nothing(tmp_path):
    report = run_demo(DemoConfig(out=tmp_path / "demo", dry_run=True))
    assert not (tmp_path / "demo").exists()
    assert report.counts["steps already done"] == 0


def test_a_folder_of_another_demo_is_refused(tmp_path):
    first = DemoConfig(out=tmp_path, seed=1)
    settings = first.model_dump(mode="json", exclude={"out", "keep_server", "dry_run"})
    (tmp_path / "demo.json").write_text(json.dumps({"version": 1, "settings": settings, "steps": {}}))
    run_demo(DemoConfig(out=tmp_path, seed=1, dry_run=True))
    with pytest.raises(ConfigError, match="expected a demo with") as refused:
        run_demo(DemoConfig(out=tmp_path, seed=2, dry_run=True))
    assert "--out" in refused.value.hint


def test_a_finished_demo_does_nothing_again(tmp_path):
    config = DemoConfig(out=tmp_path, seed=1)
    settings = config.model_dump(mode="json", exclude={"out", "keep_server", "dry_run"})
    names = ("world", "sample ego4d", "sample folder", "prelabel", "server", "push", "annotate", "pull")
    names += ("qc", "fit", "qc with fits", "release", "train", "benchmark", "benchmark 3D", "report")
    steps = {n: {"seconds": 1.5, "counts": {"hands": 3}} for n in names}
    (tmp_path / "demo.json").write_text(json.dumps({"version": 1, "settings": settings, "steps": steps}))
    before = {p: p.stat().st_mtime_ns for p in tmp_path.glob("demo.json")}
    report = run_demo(config)
    assert report.counts["hands"] == 3
    assert report.counts["seconds of all steps"] == 1.5 * len(names)
    assert {p: p.stat().st_mtime_ns for p in tmp_path.glob("demo.json")} == before
    assert not (tmp_path / "world").exists()


def test_mistakes_are_read_back_as_kinds(tmp_path):
    pytest.importorskip("label_studio_sdk")
    from hint_tools.pipeline.demo_annotate import planted_mistakes
    from hint_tools.store.journal import Journal
    from hint_tools.synth.compare import Named

    with Journal(tmp_path / "planted.jsonl") as journal:
        for _ in range(2):  # a killed run may list a mistake twice
            mistakes = ["finger-swap:index-middle", "wrong-side"]
            journal.append({"hand_id": "h", "annotator": "a", "mistakes": mistakes})
    expected = {Named("finger-swap", "h", "a"), Named("wrong-side", "h", "a")}
    assert planted_mistakes(tmp_path / "planted.jsonl") == expected


@pytest.mark.slow
@pytest.mark.labelstudio
@pytest.mark.timeout(1500)
def test_a_whole_round_for_real(tmp_path):
    """Every stage, a real Label Studio, three people: the consensus beats each of them and the pre-label."""
    from hint_tools.labelstudio.config import LABEL_STUDIO_VERSION
    from hint_tools.labelstudio.environment import environment, is_installed
    from hint_tools.prelabel.weights import ensure_hand_weights

    if not is_installed(environment(LABEL_STUDIO_VERSION)) and not os.environ.get("CI"):
        pytest.skip("Label Studio's environment is not installed: hint server install")
    try:
        ensure_hand_weights()
    except HintError as error:
        pytest.skip(f"the hand networks can't be had here: {error.message}")
    config = DemoConfig(out=tmp_path / "demo", **SMALL)
    report = run_demo(config)
    state = json.loads((tmp_path / "demo" / "demo.json").read_text())["steps"]
    page = (tmp_path / "demo" / "report.html").read_text()
    assert "careful" in page
    assert state["pull"]["counts"]["annotators"] == 3
    assert state["pull"]["counts"]["answered"] == state["push"]["counts"]["hands"] > 4
    share = {k: float(str(v).split()[0]) for k, v in report.counts.items() if "median error" in k}
    assert share["consensus, median error"] < 3 < share["pre-label, median error"] + 3
    assert share["consensus, median error"] < share["pre-label, median error"]
    assert float(str(report.counts["fits, PA-MPJPE"]).split()[0]) < 10
    again = run_demo(config)
    assert again.counts["seconds now"] < 5
    assert again.details["steps"] == state
