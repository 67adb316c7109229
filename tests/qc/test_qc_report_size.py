"""The report of a large round stays small enough to be sent by mail, however rough its pictures are."""

import numpy as np
import pytest
from qc_rounds import make_round
from test_qc_run import project_of

from hint_tools.media.images import encode_jpeg
from hint_tools.qc.config import QcConfig
from hint_tools.qc.run import run
from hint_tools.store.tables import QUEUE


@pytest.mark.slow
def test_500_hands_answered_three_times_make_pages_below_5_mb(tmp_path):
    made = make_round(500, 3, seed=95, swaps=0.02, slips=0.004)
    project = project_of(tmp_path / "p", made)
    rough = np.random.default_rng(1).integers(0, 256, (375, 375, 3), dtype=np.uint8)  # grain of four pixels
    (project.root / "frames/a.jpg").write_bytes(encode_jpeg(rough.repeat(4, 0).repeat(4, 1)))
    run(QcConfig(), project)
    pages = {p.name: p.stat().st_size for p in (project.root / "qc").glob("*.html")}
    assert len(project.read(QUEUE)) > 24
    assert len(pages) > 1
    assert max(pages.values()) < 5_000_000, pages
