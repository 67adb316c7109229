from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from release_world import make_project

from hint_tools.release.build import run_build
from hint_tools.release.config import ReleaseBuildConfig, ReleaseVerifyConfig
from hint_tools.release.verify import run_verify

CHILD = """
import sys
from pathlib import Path
from hint_tools.release.build import run_build
from hint_tools.release.config import ReleaseBuildConfig
from hint_tools.store.project import open_project
project = open_project(Path(sys.argv[1]))
print("ready", flush=True)
run_build(ReleaseBuildConfig(name="r1"), project)
"""


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.slow
def test_a_build_killed_at_any_moment_leaves_no_release_or_a_whole_one(tmp_path: Path) -> None:
    project = make_project(tmp_path / "killed")
    # nothing but the project's identity differs between the two, and no release has it
    run_build(ReleaseBuildConfig(name="r1"), make_project(tmp_path / "calm"))
    expected = contents(tmp_path / "calm" / "releases" / "r1")
    target = project.root / "releases" / "r1"
    outcomes = set()
    for delay_s in (0.0, 0.01, 0.02, 0.03, 0.05, 0.08, 0.13):
        child = subprocess.Popen([sys.executable, "-c", CHILD, str(project.root)], stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        time.sleep(delay_s)
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        outcomes.add(target.exists())
        if target.exists():
            assert contents(target) == expected
    assert False in outcomes
    run_build(ReleaseBuildConfig(name="r1"), project)
    assert contents(target) == expected
    assert [p.name for p in target.parent.iterdir()] == ["r1"]
    assert not run_verify(ReleaseVerifyConfig(directory=target)).gate_failed
