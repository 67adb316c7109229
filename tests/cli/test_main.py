"""The command line as a user meets it: verbs, exit codes, JSON, nothing heavy imported too early."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hint_tools.cli.registry import SUMMARIES

HINT = Path(sys.executable).with_name("hint")


def hint(
    *arguments: str, cwd: Path | None = None, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run([HINT, *arguments], capture_output=True, text=True, cwd=cwd, env=env, check=False)


def test_help_lists_every_verb_with_its_summary():
    done = hint("--help")
    assert done.returncode == 0
    for verb, summary in SUMMARIES.items():
        assert re.search(rf"^  {verb} +{re.escape(summary)}$", done.stdout, re.MULTILINE), verb


@pytest.mark.parametrize("verb", sorted(SUMMARIES))
def test_every_verb_has_help_with_an_example(verb):
    done = hint(verb, "--help")
    assert done.returncode == 0, done.stderr
    assert "Usage: hint" in done.stdout
    if verb not in ("server", "release", "hamer"):
        assert "Example:" in done.stdout


def test_help_imports_nothing_heavy():
    code = (
        "import sys; sys.argv = ['hint', '--help']\n"
        "from hint_tools.cli.app import build_app\n"
        "app = build_app([]);\n"
        "try: app()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'numpy', 'cv2', 'pyarrow', 'pydantic', 'av', 'rich', 'httpx'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("verb", ["sample", "push", "pull", "qc"])
def test_the_annotation_stages_need_no_torch(verb):
    code = (
        "import sys\n"
        "sys.modules['torch'] = None\n"
        "from hint_tools.pipeline.stages import stage\n"
        f"chosen = stage({verb!r}); chosen.config_class(); chosen.run_function()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_init_twice_and_status(tmp_path):
    first = hint("init", "round1", "--json", cwd=tmp_path)
    again = hint("init", "round1", "--json", cwd=tmp_path)
    assert first.returncode == again.returncode == 0
    assert json.loads(first.stdout) == json.loads(again.stdout)
    status = json.loads(hint("status", "--json", cwd=tmp_path / "round1").stdout)
    assert status["schema"] == "hint.status/1"
    assert {s["state"] for s in status["details"]["stages"]} == {"to do"}
    assert status["next"].startswith("hint sample")


def test_outside_a_project_is_exit_3_and_says_what_to_do(tmp_path):
    done = hint("qc", cwd=tmp_path)
    assert done.returncode == 3
    assert done.stdout == ""
    assert "not in a hint project" in done.stderr
    assert "try:   hint init DIR" in done.stderr


def test_an_error_as_json_is_one_object_on_stdout(tmp_path):
    done = hint("qc", "--json", cwd=tmp_path)
    assert done.returncode == 3
    error = json.loads(done.stdout)
    assert (error["schema"], error["ok"], error["exit_code"]) == ("hint.error/1", False, 3)
    assert "hint init" in error["error"]["hint"]


def test_a_stage_before_its_input_is_exit_4_and_names_the_command(tmp_path):
    hint("init", "r", cwd=tmp_path)
    done = hint("prelabel", cwd=tmp_path / "r")
    assert done.returncode == 4
    assert "try:   hint sample" in done.stderr


@pytest.mark.parametrize("arguments", [("nonsense",), ("status", "--nonsense"), ("sample", "--n", "many")])
def test_usage_errors_are_exit_2(arguments, tmp_path):
    hint("init", "r", cwd=tmp_path)
    assert hint(*arguments, cwd=tmp_path / "r").returncode == 2


def test_a_project_of_a_newer_version_is_exit_3(tmp_path):
    hint("init", "r", cwd=tmp_path)
    marker = tmp_path / "r" / "hint.toml"
    marker.write_text(marker.read_text().replace("format = 1", "format = 99"))
    done = hint("status", cwd=tmp_path / "r")
    assert done.returncode == 3
    assert "made for project format 99" in done.stderr
    assert "pip install --upgrade" in done.stderr


def test_a_wrong_setting_in_the_file_names_the_file(tmp_path):
    hint("init", "r", cwd=tmp_path)
    with (tmp_path / "r" / "hint.toml").open("a") as marker:
        marker.write("[qc]\nno_such_setting = 1\n")
    done = hint("qc", cwd=tmp_path / "r")
    assert done.returncode == 3
    assert "no_such_setting: no such setting (from hint.toml [qc])" in done.stderr


def test_doctor_answers_with_a_fix_for_every_finding():
    done = hint("doctor", "--json")
    answer = json.loads(done.stdout)
    assert done.returncode in (0, 1)
    assert answer["schema"] == "hint.doctor/1"
    assert all(f["suggestion"] for f in answer["findings"])


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_offers_verbs(shell):
    words = {
        "bash": {"COMP_WORDS": "hint sta", "COMP_CWORD": "1"},
        "zsh": {"_TYPER_COMPLETE_ARGS": "hint sta"},
        "fish": {"_TYPER_COMPLETE_ARGS": "hint sta", "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
    }
    done = hint(env=os.environ | {"_HINT_COMPLETE": f"complete_{shell}"} | words[shell])
    assert "status" in done.stdout, done.stderr
