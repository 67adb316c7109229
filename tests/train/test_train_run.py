from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch
import yaml
from drawn_release import make_release

from hint_tools.core.errors import ConfigError, DataError, EnvironmentFault, UsageError
from hint_tools.hamer.checkpoint import load_checkpoint
from hint_tools.hamer.config import PRESETS
from hint_tools.hamer.model_config import write_model_config
from hint_tools.hamer.network import Hamer
from hint_tools.store.project import create_project
from hint_tools.train.config import TrainConfig
from hint_tools.train.run import run
from hint_tools.train.run_folder import RunFolder


def settings(release: Path, **changes) -> TrainConfig:
    values = {
        "preset": "tiny",
        "batch_size": 4,
        "steps": 6,
        "log_every": 1,
        "save_every": 3,
        "accelerator": "cpu",
        "adversarial": "off",
    }
    return TrainConfig(release=release, **{**values, **changes})


def losses(name: str) -> list[dict[str, float]]:
    return [json.loads(line) for line in Path("runs", name, "log.jsonl").read_text().splitlines()]


def same_weights(a: Path, b: Path) -> bool:
    first, second = (load_checkpoint(p).network.state_dict() for p in (a, b))
    return all(torch.equal(first[k], second[k]) for k in first)


def test_a_run_leaves_a_checkpoint_a_log_and_a_card(release) -> None:
    report = run(settings(release), None)
    assert report.counts["hands"] == 12
    assert report.counts["hands with a MANO fit"] == 11
    assert [row["step"] for row in losses("first")] == [1, 2, 3, 4, 5, 6]
    assert sorted(p.name for p in Path("runs/first/checkpoints").iterdir()) == ["step-000003.ckpt", "step-000006.ckpt"]
    assert all(Path(p).is_file() for p in report.outputs)
    loaded = load_checkpoint(Path("runs/first/last.ckpt"))
    assert loaded.step == 6
    assert loaded.config == PRESETS["tiny"]
    assert not loaded.findings
    card = Path("runs/first/card.md").read_text()
    assert "not MANO" in card
    assert "6 of 6" in card


def test_resumed_losses_equal_the_uninterrupted_tail(release) -> None:
    """Across an epoch's end (three batches each), with augmentation, real hands and a shuffled order."""
    run(settings(release, name="whole", steps=8, adversarial="anatomy"), None)
    run(settings(release, name="parts", steps=4, adversarial="anatomy"), None)
    run(settings(release, name="parts", steps=8, adversarial="anatomy"), None)
    assert Path("runs/whole/log.jsonl").read_bytes() == Path("runs/parts/log.jsonl").read_bytes()
    assert same_weights(Path("runs/whole/last.ckpt"), Path("runs/parts/last.ckpt"))


def test_resuming_restores_the_generator_of_stochastic_depth(release, tmp_path) -> None:
    values = yaml.safe_load(_model_config(tmp_path).read_text())
    values["MODEL"]["BACKBONE"]["DROP_PATH"] = 0.5
    sizes = tmp_path / "sizes.yaml"
    sizes.write_text(yaml.safe_dump(values))
    common = {"preset": None, "model_config_file": sizes}
    run(settings(release, name="whole", steps=6, **common), None)
    run(settings(release, name="parts", steps=3, **common), None)
    torch.manual_seed(99)
    run(settings(release, name="parts", steps=6, **common), None)
    assert losses("whole") == losses("parts")


def _model_config(folder: Path) -> Path:
    write_model_config(folder / "model_config.yaml", PRESETS["tiny"])
    return folder / "model_config.yaml"


def test_loader_processes_change_nothing(release) -> None:
    run(settings(release, name="alone", steps=4), None)
    run(settings(release, name="helped", steps=4, workers=2), None)
    assert losses("alone") == losses("helped")


def test_a_seed_is_a_run_and_another_seed_another(release) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        run(settings(release, name=name, steps=2, seed=seed), None)
    assert losses("a") == losses("b")
    assert losses("a") != losses("c")


def test_a_finished_run_is_left_as_it_is(release) -> None:
    run(settings(release), None)
    before = {p: p.read_bytes() for p in Path("runs/first").rglob("*") if p.is_file()}
    report = run(settings(release), None)
    assert report.counts["steps before"] == 6
    assert before == {p: p.read_bytes() for p in Path("runs/first").rglob("*") if p.is_file()}


def test_an_unfinished_run_is_not_continued_against_ones_will(release) -> None:
    run(settings(release, steps=3), None)
    with pytest.raises(UsageError, match="step 3 of 6") as caught:
        run(settings(release, resume=False), None)
    assert "--resume" in caught.value.hint


def test_a_run_is_not_resumed_with_other_settings(release) -> None:
    run(settings(release, steps=3), None)
    with pytest.raises(ConfigError) as caught:
        run(settings(release, batch_size=5, seed=2), None)
    assert len(caught.value.problems) == 2


def test_an_interrupted_run_saves_the_step_it_was_in(release) -> None:
    common = {"save_every": 3, "keep": 1}

    def interrupt_after_a_checkpoint() -> None:
        while not Path("runs/cut/last.ckpt").exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt_after_a_checkpoint, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        run(settings(release, name="cut", steps=100_000, **common), None)
    step = load_checkpoint(Path("runs/cut/last.ckpt")).step
    assert step == losses("cut")[-1]["step"] > 0
    run(settings(release, name="cut", steps=step + 2, **common), None)
    run(settings(release, name="whole", steps=step + 2, **common), None)
    assert losses("cut") == losses("whole")


KILLED = """
import sys
from pathlib import Path
import torch
from hint_tools.train.config import TrainConfig
from hint_tools.train.run import run
torch.set_num_threads(1)
run(TrainConfig(release=Path(sys.argv[1]), preset="tiny", batch_size=4, steps=int(sys.argv[2]), log_every=1,
                save_every=1, accelerator="cpu", adversarial="off", name="killed"), None)
"""


@pytest.mark.slow
def test_a_killed_run_continues_to_the_same_end(release) -> None:
    steps = 40
    for delay_s in (0.0, 0.3, 0.7):
        child = subprocess.Popen([sys.executable, "-c", KILLED, str(release), str(steps)])
        folder, seen = RunFolder(Path("runs/killed")), 0
        before = max(folder.steps(), default=0)
        while child.poll() is None and seen <= before:
            time.sleep(0.02)
            seen = max(folder.steps(), default=0)
        time.sleep(delay_s)
        child.kill()
        child.wait()
    subprocess.run([sys.executable, "-c", KILLED, str(release), str(steps)], check=True)
    run(settings(release, name="whole", steps=steps, save_every=100), None)
    assert losses("killed") == losses("whole")
    assert same_weights(Path("runs/killed/last.ckpt"), Path("runs/whole/last.ckpt"))
    assert not list(Path("runs/killed").rglob(".hint-tmp-*"))


def test_starting_from_a_checkpoint_keeps_its_weights(release) -> None:
    run(settings(release, steps=2), None)
    run(
        settings(release, name="tuned", preset=None, init=Path("runs/first/last.ckpt"), steps=1, learning_rate=1e-12),
        None,
    )
    first, tuned = (load_checkpoint(Path("runs", n, "last.ckpt")).network.state_dict() for n in ("first", "tuned"))
    assert max(float((first[k].float() - tuned[k].float()).abs().max()) for k in first) < 1e-6


def test_a_backbone_alone_is_a_start(release, hand_model) -> None:
    """ViTPose's weights: what was there moves by nothing, the rest is fresh and said to be."""
    backbone = {k: v for k, v in Hamer(PRESETS["tiny"], hand_model).state_dict().items() if k.startswith("backbone.")}
    torch.save({"state_dict": backbone | {"keypoint_head.bias": torch.zeros(17)}}, "vitpose.pth")
    report = run(settings(release, preset=None, init=Path("vitpose.pth"), steps=1, learning_rate=1e-12), None)
    assert "hamer.head-untrained" in [f.code for f in report.findings]
    trained = load_checkpoint(Path("runs/first/last.ckpt"))
    assert trained.has_head
    state = trained.network.state_dict()
    assert max(float((state[k] - v).abs().max()) for k, v in backbone.items()) < 1e-6


def test_a_frozen_backbone_does_not_move(release) -> None:
    run(settings(release, steps=1), None)
    common = {"preset": None, "init": Path("runs/first/last.ckpt"), "steps": 2, "learning_rate": 1e-3}
    run(settings(release, name="frozen", freeze_backbone=True, **common), None)
    first, frozen = (load_checkpoint(Path("runs", n, "last.ckpt")).network for n in ("first", "frozen"))
    pairs = [(k, torch.equal(v, frozen.state_dict()[k])) for k, v in first.state_dict().items()]
    assert all(equal for k, equal in pairs if k.startswith("backbone."))
    assert not any(equal for k, equal in pairs if k.startswith("mano_head.dec"))


def test_the_discriminator_learns_only_when_asked(release) -> None:
    for kind in ("off", "fits", "anatomy"):
        run(settings(release, name=kind, steps=2, adversarial=kind), None)
    assert "adversarial" not in losses("off")[0]
    assert losses("fits")[0]["discriminator_fake"] == losses("anatomy")[0]["discriminator_fake"]
    assert losses("fits")[0]["discriminator_real"] != losses("anatomy")[0]["discriminator_real"]


def test_a_release_without_fits_is_told_and_trains_on_2d(tmp_path, hand_model) -> None:
    root = make_release(tmp_path / "plain", hand_model, count=4, fitted=False)
    report = run(settings(root, steps=1), None)
    assert [f.code for f in report.findings] == ["train.no-fits"]
    assert losses("first")[0]["hand_pose"] == 0
    with pytest.raises(DataError, match="accepted fit"):
        run(settings(root, name="second", steps=1, adversarial="fits"), None)


def test_a_dry_run_writes_nothing(release) -> None:
    report = run(settings(release, dry_run=True), None)
    assert report.counts["hands"] == 12
    assert not Path("runs").exists()


def test_the_run_goes_into_the_project(release, tmp_path) -> None:
    project = create_project(tmp_path / "round", "round")
    run(settings(release, steps=1), project)
    assert (project.root / "runs/first/last.ckpt").is_file()
    assert project.read_stamp("train") is not None


def test_old_checkpoints_are_removed(release) -> None:
    run(settings(release, steps=5, save_every=1, keep=2), None)
    assert RunFolder(Path("runs/first")).steps() == [4, 5]


def test_two_trainings_do_not_share_a_folder(release) -> None:
    with RunFolder(Path("runs/first").resolve()).lock(), pytest.raises(EnvironmentFault, match="another training"):
        run(settings(release), None)


def test_a_loss_that_explodes_stops_the_run(release) -> None:
    with pytest.raises(DataError, match="expected a number") as caught:
        run(settings(release, learning_rate=1e30, steps=50), None)
    assert "--learning-rate" in caught.value.hint


def test_sizes_that_need_other_crops_are_refused(release, tmp_path) -> None:
    path = _model_config(tmp_path)
    values = yaml.safe_load(path.read_text())
    values["MODEL"]["IMAGE_MEAN"] = [0.5, 0.5, 0.5]
    path.write_text(yaml.safe_dump(values))
    with pytest.raises(ConfigError, match="ImageNet"):
        run(settings(release, preset=None, model_config_file=path), None)


def test_the_size_is_said_once(release) -> None:
    with pytest.raises(ConfigError, match="give one"):
        TrainConfig.layered(("test", {"release": release, "preset": "tiny", "init": Path("x.ckpt")}))


@pytest.mark.slow
def test_two_devices_learn_what_one_would(release) -> None:
    """Twice two hands on two devices are the four hands one device would see; gradients are averaged, not summed.

    Adam does not mind the factor, so the weights agree up to rounding and its guard against division by zero.
    """
    script = Path("two.py")
    script.write_text(KILLED.replace('name="killed"', 'name="two", devices=2').replace("batch_size=4", "batch_size=2"))
    done = subprocess.run(
        [sys.executable, script, release, "3"], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    run(settings(release, name="one", steps=3), None)
    assert [row["step"] for row in losses("two")] == [1, 2, 3]
    for two, one in zip(losses("two"), losses("one"), strict=True):
        assert 2 * two["keypoints_2d"] == pytest.approx(one["keypoints_2d"], rel=2e-2)
