"""The journal: damage anywhere costs nothing that stood before it."""

import pytest

from hint_tools.core.errors import DataError
from hint_tools.store.journal import Journal


def written(path, n=20):
    with Journal(path) as journal:
        for k in range(n):
            journal.append({"k": k, "text": f"line {k} ✓"})
    return path.read_bytes()


def test_what_was_appended_comes_back(tmp_path):
    written(tmp_path / "j")
    with Journal(tmp_path / "j") as journal:
        assert [e["k"] for e in journal.entries] == list(range(20))
        assert journal.findings == []
        journal.append({"k": 20}, {"k": 21})
    with Journal(tmp_path / "j") as journal:
        assert [e["k"] for e in journal.entries] == list(range(22))


def test_torn_at_every_byte(tmp_path):
    whole = written(tmp_path / "j")
    ends = [i + 1 for i, b in enumerate(whole) if b == 10]
    path = tmp_path / "torn"
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        with Journal(path) as journal:
            good = sum(e <= cut for e in ends)
            assert [e["k"] for e in journal.entries] == list(range(good))
            assert len(journal.findings) == (cut not in (0, *ends))
            journal.append({"k": -1})
        with Journal(path) as journal:
            assert [e["k"] for e in journal.entries] == [*range(good), -1]


def test_a_flipped_bit_is_noticed_at_every_byte(tmp_path):
    whole = written(tmp_path / "j", n=5)
    ends = [i + 1 for i, b in enumerate(whole) if b == 10]
    path = tmp_path / "flipped"
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 0x04
        path.write_bytes(damaged)
        with Journal(path) as journal:
            before = sum(e <= place for e in ends)
            assert [e["k"] for e in journal.entries][:before] == list(range(before))
            assert len(journal.entries) <= 5
            assert len(journal.findings) == 1


def test_appending_to_a_closed_journal_is_refused(tmp_path):
    with pytest.raises(DataError, match="not open"):
        Journal(tmp_path / "j").append({})
