"""Settings from several places: the later wins, every mistake is told with its place."""

from pathlib import Path

import pytest
from pydantic import Field

from hint_tools.core.errors import ConfigError
from hint_tools.store.config import StageConfig


class Example(StageConfig):
    n: int = Field(default=3, ge=1, description="How many.")
    name: str = Field(default="x", description="What.")
    share: float | None = Field(default=None, description="What part.")
    file: Path | None = Field(default=None, description="An input.")
    more: tuple[Path, ...] = Field(default=(), description="Inputs.")
    out: Path = Field(default=Path("out"), description="Output.", json_schema_extra={"output": True})


def test_later_layers_win():
    assert Example.layered(("hint.toml [example]", {"n": 5, "name": "a"}), ("the command line", {"n": 7})).n == 7


def test_all_problems_at_once_each_with_its_place():
    with pytest.raises(ConfigError) as error:
        Example.layered(("hint.toml [example]", {"nn": 5}), ("the command line", {"n": 0}))
    assert "nn: no such setting (from hint.toml [example])" in error.value.message
    assert "n: Input should be greater than or equal to 1, got 0 (from the command line)" in error.value.message
    assert int(error.value.exit_code) == 3


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"share": True}, "share: Input should be a valid number, got True"),
        ({"share": "0.1"}, "share: Input should be a valid number, got '0.1'"),
        ({"n": True}, "n: Input should be a valid integer, got True"),
        ({"dry_run": "yes"}, "dry_run: Input should be true or false, got 'yes'"),
    ],
)
def test_text_and_truth_values_are_no_numbers(given, says):
    with pytest.raises(ConfigError) as error:
        Example.layered(("hint.toml [example]", given))
    assert says in error.value.message


def test_a_whole_number_is_a_number_and_none_is_none():
    assert Example.layered(("a", {"share": 1})).share == 1.0
    assert Example.layered(("a", {"share": None})).share is None


def test_relative_paths_count_from_the_place_they_were_written_in(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    first, last = tmp_path / "file", tmp_path / "project"
    (last / "there").mkdir(parents=True)
    given = {"name": "a/b", "file": "~/x", "more": ["there", "../y", "/z"], "out": "o", "n": 3}
    rooted = Example.rooted(given, first, last)
    assert rooted["name"] == "a/b"
    assert rooted["file"] == tmp_path / "home" / "x"
    assert rooted["more"] == [last / "there", tmp_path / "y", Path("/z")]
    assert rooted["out"] == last / "o"
    assert Example.layered(("file", rooted)).more == tuple(rooted["more"])
    assert Example.rooted({"file": 7, "nn": "x"}, first) == {"file": 7, "nn": "x"}  # told as wrong, not changed
