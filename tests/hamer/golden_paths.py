"""Where the reference's numbers are: copies beside the tests, the large ones beside the checkout."""

from pathlib import Path

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "golden"
COPIED = Path(__file__).parent / "golden"
