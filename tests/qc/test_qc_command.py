"""`hint qc` as it is typed: help, exit codes, JSON."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from qc_rounds import changed, make_round
from test_qc_run import project_of
from typer.testing import CliRunner

from hint_tools.cli.app import build_app


def typed(*words):
    return CliRunner().invoke(build_app(["qc"]), ["qc", *words], env={"COLUMNS": "100", "NO_COLOR": "1"})


@pytest.fixture
def project(tmp_path):
    made = make_round(20, 2, seed=91)
    for h in range(4):
        changed(made, h, "bo", side="left")
    return project_of(tmp_path / "p", made)


def test_a_missed_gate_ends_with_1_and_says_why(project):
    at = ("--project", str(project.root), "--bootstrap", "50", "--report-hands", "1")
    assert typed(*at).exit_code == 0
    assert typed(*at, "--max-flagged", "0.2").exit_code == 0
    missed = typed(*at, "--max-flagged", "0.1")
    assert missed.exit_code == 1
    assert "part of the hands in the queue: expected at most 10.0 %, got 20.0 %" in missed.output
    assert (project.root / "qc/report.html").is_file()  # a round that misses a gate is reported like any other


def test_gates_of_hint_toml_count_and_the_command_line_wins(project):
    with (project.root / "hint.toml").open("a", encoding="utf-8") as file:
        file.write("\n[qc]\nmax_flagged = 0.1\nbootstrap = 50\nreport_hands = 1\n")
    asked = typed("--project", str(project.root), "--json")
    assert asked.exit_code == 1
    answer = json.loads(asked.stdout)
    assert (answer["ok"], answer["exit_code"]) == (False, 1)
    assert [f["code"] for f in answer["findings"] if f["severity"] == "error"] == ["qc.gate-flagged"]
    assert typed("--project", str(project.root), "--max-flagged", "0.5").exit_code == 0


def test_help_groups_what_belongs_together():
    told = typed("--help").output
    at = [told.index(words) for words in ("--experts", "What counts as a mistake", "--queue-z", "Gates: exit code 1")]
    assert at == sorted(at)
    assert told.index("Gates: exit code 1") < told.index("--max-flagged")
    assert "Default: 6." in told
    assert "[default" not in told


def test_the_same_bytes_whatever_order_sets_have(project):
    def files_with(seed):
        words = [str(Path(sys.executable).with_name("hint")), "qc", "--bootstrap", "50", "--report-hands", "2"]
        env = {**os.environ, "PYTHONHASHSEED": seed, "OMP_NUM_THREADS": "1"}
        subprocess.run(words, cwd=project.root, env=env, capture_output=True, check=True)
        folders = (project.root / "qc", project.root / "tables", project.root / ".hint/stamps")
        return {p: p.read_bytes() for folder in folders for p in sorted(folder.iterdir())}

    assert files_with("1") == files_with("2")
