"""Makes `golden/`: a tiny clip and what FFmpeg 5.1's official command makes of it, for machines without FFmpeg 5.1.

Run where FFmpeg 5.1 is installed: python tests/media/make_golden_clip.py
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from fractions import Fraction
from pathlib import Path

from difficult_clips import make

from hint_tools.media.ffmpeg51 import find_ffmpeg51
from hint_tools.media.images import pixel_sha256, read_image

GOLDEN = Path(__file__).parent / "golden"
TAKEN = (0, 1, 17, 31, 32, 59)


def main() -> None:
    ffmpeg = find_ffmpeg51()
    if ffmpeg is None:
        sys.exit("FFmpeg 5.1 is needed here")
    GOLDEN.mkdir(exist_ok=True)
    clip = make(GOLDEN / "clip.mp4", bf="3", g="32", crf="30", aspect=Fraction(4, 3))
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([ffmpeg.program, "-i", clip, "-qscale:v", "1", f"{folder}/%10d.jpg"], check=True)
        files = {n: Path(folder) / f"{n + 1:010d}.jpg" for n in TAKEN}
        expected = {
            str(n): {"sha256": hashlib.sha256(f.read_bytes()).hexdigest(), "pixel_sha256": pixel_sha256(read_image(f))}
            for n, f in files.items()
        }
    (GOLDEN / "official.json").write_text(json.dumps(expected, indent=2) + "\n")


if __name__ == "__main__":
    main()
