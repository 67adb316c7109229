"""Reading hand models: the open hand, the user's file, and files that are neither."""

import os
import pickle
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from hint_tools.core.errors import DataError, ExitCode
from hint_tools.mano import assets
from hint_tools.mano.assets import MODEL_VARIABLE, load_hand_model
from hint_tools.mano.fileformat import REQUIRED

MADE_UP = Path(__file__).parents[2].parent / "shared/data/golden/mano_random"


@pytest.fixture(autouse=True)
def no_variable(monkeypatch):
    monkeypatch.delenv(MODEL_VARIABLE, raising=False)


def content() -> dict:
    """The open hand as a plain MANO-format dictionary."""
    packed = np.load(Path(assets.__file__).parent / "open_hand_778.npz")
    return {key: packed[key].astype(np.float64) if packed[key].dtype.kind == "f" else packed[key] for key in packed}


def written(path: Path, values: object, protocol: int = 2) -> Path:
    path.write_bytes(pickle.dumps(values, protocol=protocol))
    return path


class _Executes:
    """A pickle that makes a folder when it is opened by the book."""

    def __init__(self, sentinel: Path) -> None:
        self.sentinel = sentinel

    def __reduce__(self):
        return os.mkdir, (str(self.sentinel),)


def test_open_hand_is_complete_small_and_read_only():
    model = load_hand_model()
    assert model.is_open
    assert (Path(assets.__file__).parent / "open_hand_778.npz").stat().st_size <= 700_000
    assert model.v_template.shape == (778, 3)
    assert model.hands_coeffs.shape == (1554, 45)
    np.testing.assert_allclose(model.weights.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(model.J_regressor.sum(axis=1), 1, atol=1e-6)
    assert 0.15 < np.ptp(model.v_template[:, 0]) < 0.22, "a hand with a bit of wrist, in metres"
    with pytest.raises(ValueError, match="read-only"):
        model.v_template[0] = 0


def test_fingertips_are_the_outermost_vertices_of_their_fingers():
    model = load_hand_model()
    joints = model.J_regressor @ model.v_template
    for tip, last in zip(model.tips, (15, 3, 6, 12, 9), strict=True):
        along = joints[last] - joints[last - 1]
        own = model.weights[:, last] > 0.6
        reach = model.v_template[own] @ along / np.linalg.norm(along)
        assert reach.max() - model.v_template[tip] @ along / np.linalg.norm(along) < 0.004


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_pickles_of_every_protocol_are_read_exactly(tmp_path, protocol):
    values = content()
    values["J_regressor"] = sparse.csc_matrix(values["J_regressor"])
    model = load_hand_model(written(tmp_path / "MANO_RIGHT.pkl", values, protocol))
    np.testing.assert_array_equal(model.J_regressor, content()["J_regressor"])
    np.testing.assert_array_equal(model.shapedirs, content()["shapedirs"])
    assert model.name == "MANO_RIGHT"
    assert not model.is_open


@pytest.mark.parametrize("protocol", [0, 2])
def test_chumpy_objects_are_read_without_chumpy(tmp_path, monkeypatch, protocol):
    """The licensed file holds its shape directions as a selection out of a larger chumpy array."""
    plain = content()
    larger = np.concatenate([plain["shapedirs"], plain["shapedirs"] * 7], axis=2)
    index = np.arange(larger.size).reshape(larger.shape)[:, :, :10]
    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, "chumpy", types.ModuleType("chumpy"))
        for name, kind in (("chumpy.ch", "Ch"), ("chumpy.reordering", "Select")):
            module = types.ModuleType(name)
            setattr(module, kind, type(kind, (), {"__module__": name}))
            patched.setitem(sys.modules, name, module)
        whole = sys.modules["chumpy.ch"].Ch()
        whole.x = larger
        chosen = sys.modules["chumpy.reordering"].Select()
        chosen.a, chosen.idxs, chosen.preferred_shape = whole, index.ravel(), (778, 3, 10)
        path = written(tmp_path / "MANO_RIGHT.pkl", plain | {"shapedirs": chosen}, protocol)
    assert "chumpy.ch" not in sys.modules
    np.testing.assert_array_equal(load_hand_model(path).shapedirs, plain["shapedirs"])


@pytest.mark.shared
@pytest.mark.skipif(not MADE_UP.exists(), reason="reference data (../shared/data) is not beside this checkout")
def test_folder_with_a_mano_folder_in_it_is_found():
    assert load_hand_model(MADE_UP).name == "MANO_RIGHT"


def test_environment_variable_names_the_users_file(tmp_path, monkeypatch):
    written(tmp_path / "MANO_RIGHT.pkl", content())
    monkeypatch.setenv(MODEL_VARIABLE, str(tmp_path))
    assert load_hand_model().name == "MANO_RIGHT"


def test_replaced_file_is_read_again(tmp_path):
    path = written(tmp_path / "MANO_RIGHT.pkl", content())
    first = load_hand_model(path)
    changed = content()
    changed["v_template"] = changed["v_template"] * 2
    written(path, changed | {"note": "longer"})
    second = load_hand_model(path)
    assert first.identity != second.identity
    np.testing.assert_allclose(second.v_template, first.v_template * 2)


def test_hostile_pickle_is_refused_and_runs_nothing(tmp_path):
    sentinel = tmp_path / "was_run"
    path = written(tmp_path / "MANO_RIGHT.pkl", content() | {"extra": _Executes(sentinel)})
    with pytest.raises(DataError, match="mkdir") as caught:
        load_hand_model(path)
    assert not sentinel.exists()
    assert caught.value.exit_code == ExitCode.DATA
    pickle.loads(path.read_bytes())  # the sentinel does work
    assert sentinel.exists()


def test_everything_wrong_with_a_file_is_said_at_once(tmp_path):
    values = content()
    del values["weights"], values["hands_mean"]
    values["posedirs"] = values["posedirs"][:, :, :9]
    values["v_template"][3, 1] = np.nan
    with pytest.raises(DataError) as caught:
        load_hand_model(written(tmp_path / "MANO_RIGHT.pkl", values))
    for part in (
        "weights: missing",
        "hands_mean: missing",
        "posedirs: expected numbers of shape",
        "v_template: expected finite",
    ):
        assert part in caught.value.message
    assert "shapedirs" not in caught.value.message
    assert caught.value.exit_code == ExitCode.DATA


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([1, 2, 3], "expected a dictionary"),
        ({"v_template": np.zeros((6890, 3))}, r"v_template: expected numbers of shape \(778, 3\)"),
        (content() | {"f": np.full((1538, 3), 778)}, "f: expected vertex ids"),
        (content() | {"kintree_table": np.zeros((2, 16), int)}, "kintree_table: expected parents"),
        (content() | {"weights": np.full((778, 16), "x", object)}, "weights: expected numbers"),
    ],
    ids=["list", "body model", "faces out of range", "other tree", "objects"],
)
def test_other_pickles_are_refused(tmp_path, values, said):
    with pytest.raises(DataError, match=said):
        load_hand_model(written(tmp_path / "MANO_RIGHT.pkl", values))


@pytest.mark.parametrize("name", ["MANO_RIGHT.pkl", "MANO_RIGHT.npz"])
@pytest.mark.parametrize("data", [b"", b"not a model", b"PK\x03\x04 torn", b"\x80\x02}q\x00("])
def test_broken_files_are_refused(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError, match=name):
        load_hand_model(tmp_path / name)


def test_npz_with_objects_is_refused(tmp_path):
    sentinel = tmp_path / "was_run"
    objects = np.array([_Executes(sentinel)], dtype=object)
    np.savez(tmp_path / "hand.npz", **(content() | {"hands_mean": objects}))
    with pytest.raises(DataError):
        load_hand_model(tmp_path / "hand.npz")
    assert not sentinel.exists()


def test_left_model_is_refused_with_the_right_ones_name(tmp_path):
    path = written(tmp_path / "MANO_LEFT.pkl", content())
    with pytest.raises(DataError, match="left hand's model") as caught:
        load_hand_model(path)
    assert "MANO_RIGHT.pkl" in caught.value.hint


@pytest.mark.parametrize("name", ["nowhere.pkl", "."])
def test_missing_file_or_empty_folder_says_what_was_expected(tmp_path, name):
    with pytest.raises(DataError, match="expected") as caught:
        load_hand_model(tmp_path / name)
    assert "open hand" in caught.value.hint


def test_required_keys_are_those_of_the_format():
    assert REQUIRED.keys() <= content().keys()
