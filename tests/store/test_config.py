"""Settings from several places: the later wins, every mistake is told with its place."""

import pytest
from pydantic import Field

from hint_tools.core.errors import ConfigError
from hint_tools.store.config import StageConfig


class Example(StageConfig):
    n: int = Field(default=3, ge=1, description="How many.")
    name: str = Field(default="x", description="What.")


def test_later_layers_win():
    assert Example.layered(("hint.toml [example]", {"n": 5, "name": "a"}), ("the command line", {"n": 7})).n == 7


def test_all_problems_at_once_each_with_its_place():
    with pytest.raises(ConfigError) as error:
        Example.layered(("hint.toml [example]", {"nn": 5}), ("the command line", {"n": 0}))
    assert "nn: no such setting (from hint.toml [example])" in error.value.message
    assert "n: Input should be greater than or equal to 1, got 0 (from the command line)" in error.value.message
    assert int(error.value.exit_code) == 3
