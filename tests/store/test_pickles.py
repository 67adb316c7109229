"""The one door for pickles: hostile ones do nothing at all."""

import os
import pickle
from collections import OrderedDict

import numpy as np
import pytest

from hint_tools.core.errors import DataError
from hint_tools.store.pickles import load_pickle

SENTINEL = "hint-was-here"
NUMPY = {(f"numpy.{core}.multiarray", "_reconstruct"): np.zeros(0).__reduce__()[0] for core in ("core", "_core")} | {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


class Hostile:
    def __init__(self, call, *args):
        self.parts = (call, args)

    def __reduce__(self):
        return self.parts


HOSTILE = [
    Hostile(os.system, f"touch {SENTINEL}"),
    Hostile(eval, f"open('{SENTINEL}', 'w')"),
    Hostile(exec, f"open('{SENTINEL}', 'w')"),
    Hostile(os.makedirs, SENTINEL),
    Hostile(getattr, "x", "upper"),
    OrderedDict(a=1),
]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_nothing_unlisted_is_called(tmp_path, monkeypatch, protocol, number):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps({"payload": HOSTILE[number]}, protocol=protocol))
    with pytest.raises(DataError, match="not opened") as error:
        load_pickle(path, NUMPY)
    assert int(error.value.exit_code) == 4
    assert not (tmp_path / SENTINEL).exists()


@pytest.mark.parametrize("protocol", range(5))
def test_what_is_listed_is_read(tmp_path, protocol):
    path = tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps({"a": np.arange(6.0).reshape(2, 3)}, protocol=protocol))
    allowed = NUMPY | {("_codecs", "encode"): lambda text, coding="latin1": text.encode("latin1")}
    np.testing.assert_array_equal(load_pickle(path, allowed)["a"], np.arange(6.0).reshape(2, 3))


@pytest.mark.parametrize("data", [b"", b"not a pickle", b"\x80\x05\x95\xff\xff\xff\xff", pickle.dumps([1])[:-1]])
def test_rubbish_is_one_clear_error(tmp_path, data):
    path = tmp_path / "x.pkl"
    path.write_bytes(data)
    with pytest.raises(DataError, match="expected a pickle"):
        load_pickle(path, {})


def test_too_large_and_missing(tmp_path):
    path = tmp_path / "x.pkl"
    with pytest.raises(DataError, match="no such file"):
        load_pickle(path, {})
    path.write_bytes(bytes(100))
    with pytest.raises(DataError, match="100 bytes, expected at most 50"):
        load_pickle(path, {}, max_bytes=50)
