"""The little project of the release tests, released."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from hint_tools.store.project import Project

sys.path.insert(0, str(Path(__file__).parents[1] / "release"))


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with one built release; read only."""
    from release_world import make_project

    from hint_tools.release.build import run_build
    from hint_tools.release.config import ReleaseBuildConfig

    made = make_project(tmp_path_factory.mktemp("benchmark") / "round")
    run_build(ReleaseBuildConfig(name="r1"), made)
    return made
