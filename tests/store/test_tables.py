"""Tables: what goes in comes out, in one order, and nothing else is read as one."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hint_tools.core.errors import DataError
from hint_tools.core.records import Consensus, Hand, Submission
from hint_tools.store import tables


def consensus(hand_id: str, rng: np.random.Generator) -> Consensus:
    return Consensus(
        hand_id=hand_id, keypoints=rng.normal(size=(21, 2)), covariance=rng.normal(size=(21, 2, 2)),
        visibility=rng.integers(0, 3, 21), visible_probability=rng.random(21), side="left", side_agreement=1.0,
        box=rng.normal(size=4), scale_px=80.0, n_submissions=3,
    )  # fmt: skip


def test_every_table_has_a_schema_and_can_be_empty(tmp_path):
    for table in tables.ALL_TABLES:
        tables.write_table(tmp_path / table.name, table, [])
        assert tables.read_table(tmp_path / table.name, table) == []
        assert table.key in tables.schema(table).names


def test_arrays_and_absent_arrays_survive(tmp_path):
    rng = np.random.default_rng(0)
    rows = [consensus(f"h{k}", rng) for k in range(5)]
    tables.write_table(tmp_path / "c", tables.CONSENSUS, rows)
    for before, after in zip(rows, tables.read_table(tmp_path / "c", tables.CONSENSUS), strict=True):
        np.testing.assert_array_equal(before.keypoints, after.keypoints)
        np.testing.assert_array_equal(before.covariance, after.covariance)
        np.testing.assert_array_equal(before.visibility, after.visibility)
        assert after.visibility.dtype == np.int8
        assert (after.scale_px, after.n_submissions, after.side) == (80.0, 3, "left")
    mixed = [
        Submission(submission_id=i, hand_id="h", task_key="t", annotator="a", annotation_id=1, keypoints=k)
        for i, k in (("a", None), ("b", np.full((21, 2), 0.1)))
    ]
    tables.write_table(tmp_path / "s", tables.SUBMISSIONS, mixed)
    first, second = tables.read_table(tmp_path / "s", tables.SUBMISSIONS)
    assert first.keypoints is None
    assert second.keypoints[3, 1] == 0.1


def test_order_of_rows_does_not_change_the_bytes(tmp_path):
    rng = np.random.default_rng(0)
    rows = [consensus(f"h{k}", rng) for k in range(7)]
    tables.write_table(tmp_path / "a", tables.CONSENSUS, rows)
    tables.write_table(tmp_path / "b", tables.CONSENSUS, reversed(rows))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_key_can_stand_only_once(tmp_path):
    hand = Hand(hand_id="h", frame_id="f", box=np.zeros(4))
    with pytest.raises(DataError, match="two rows with hand_id 'h'"):
        tables.write_table(tmp_path / "h", tables.HANDS, [hand, hand])
    assert not (tmp_path / "h").exists()


def rewritten(path, name, values, kind):
    """Two answers, one column of which something else wrote."""
    rows = [
        Submission(submission_id=i, hand_id="h", task_key="t", annotator="a", annotation_id=1,
                   keypoints=np.ones((21, 2)), visibility=np.full(21, 2))
        for i in "ab"
    ]  # fmt: skip
    data = tables.to_arrow(tables.SUBMISSIONS, rows)
    at = data.schema.get_field_index(name)
    changed = data.set_column(at, name, pa.array(values, type=kind))
    pq.write_table(changed.replace_schema_metadata(data.schema.metadata), path)


@pytest.mark.parametrize(
    ("column", "values", "kind", "says"),
    [
        ("annotator", [None, "a"], pa.string(), "expected text, got nothing in 1 of 2 rows"),
        ("annotator", [1, 2], pa.int64(), "expected text, got whole numbers"),
        ("hand_id", [None, None], pa.string(), "expected text, got nothing in 2 of 2 rows"),
        ("updated_at", [None, None], pa.string(), "expected text, got nothing in 2 of 2 rows"),
        ("lead_time_s", [None, 1.0], pa.float64(), "expected numbers, got nothing in 1 of 2 rows"),
        ("lead_time_s", ["fast", "1"], pa.string(), "expected numbers, got text"),
        ("rejected", [None, None], pa.bool_(), "expected yes or no, got nothing in 2 of 2 rows"),
        ("keypoints", [[0.0] * 40] * 2, pa.list_(pa.float64(), 40), "expected 42 numbers a row, got 40 numbers a row"),
        ("keypoints", [[0.0] * 44] * 2, pa.list_(pa.float64(), 44), "expected 42 numbers a row, got 44 numbers a row"),
        ("keypoints", [[0.0] * 42, [0.0]], pa.list_(pa.float64()), "expected 42 numbers a row, got list<"),
        ("keypoints", ["x", "y"], pa.string(), "expected 42 numbers a row, got text"),
        ("keypoints", [[None] * 42, None], pa.list_(pa.float64(), 42), "got 42 that are missing"),
        ("visibility", [[None] * 21] * 2, pa.list_(pa.int8(), 21), "got 42 that are missing"),
    ],
)
def test_a_column_that_something_else_wrote_is_told(tmp_path, column, values, kind, says):
    rewritten(tmp_path / "s", column, values, kind)
    with pytest.raises(DataError) as error:
        tables.read_table(tmp_path / "s", tables.SUBMISSIONS)
    assert f"table submissions, column {column}: " in error.value.message
    assert says in error.value.message
    assert error.value.hint.endswith("hint pull")


def test_a_column_too_many_is_told_with_what_to_do(tmp_path):
    data = tables.to_arrow(tables.HANDS, []).append_column("x", pa.array([], type=pa.int64()))
    pq.write_table(data, tmp_path / "h")
    with pytest.raises(DataError, match="expected columns") as error:
        tables.read_table(tmp_path / "h", tables.HANDS)
    assert error.value.hint.endswith("hint sample")


def test_absent_values_of_columns_that_may_lack_them_are_read(tmp_path):
    rewritten(tmp_path / "s", "side", [None, "left"], pa.string())
    assert [s.side for s in tables.read_table(tmp_path / "s", tables.SUBMISSIONS)] == [None, "left"]


def test_a_folder_is_no_table(tmp_path):
    (tmp_path / "hands.parquet").mkdir()
    with pytest.raises(DataError, match="got a folder"):
        tables.read_table(tmp_path / "hands.parquet", tables.HANDS)
    assert tables.table_digest(tmp_path / "hands.parquet") == ""


def test_missing_broken_foreign_and_newer_tables_are_told_apart(tmp_path):
    path = tmp_path / "x.parquet"
    with pytest.raises(DataError, match="no table of hands yet") as missing:
        tables.read_table(path, tables.HANDS)
    assert missing.value.hint == "hint sample"
    path.write_bytes(b"PAR1 but not really")
    with pytest.raises(DataError, match="can't be read"):
        tables.read_table(path, tables.HANDS)
    pq.write_table(pa.table({"a": [1]}), path)
    with pytest.raises(DataError, match="expected table hands version 1, got"):
        tables.read_table(path, tables.HANDS)
    newer = tables.schema(tables.HANDS).with_metadata({b"hint.table": b"hands", b"hint.version": b"99"})
    pq.write_table(newer.empty_table(), path)
    with pytest.raises(DataError, match="got hands version 99"):
        tables.read_table(path, tables.HANDS)
