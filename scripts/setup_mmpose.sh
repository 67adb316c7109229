#!/usr/bin/env bash
# Adds MMPose and MMDet to a virtual environment that has torch, numpy and opencv, without changing those.
#
#   scripts/setup_mmpose.sh [VENV]        default: ./.venv
#
# Why not `pip install mmpose`: its own pins ask for chumpy (does not build), opencv-python (a second owner of
# the cv2 folder), torchvision (another torch) and a compiled mmcv. What it really uses is listed in
# pyproject.toml, extra `mmpose`; the OpenMMLab packages come without their pins, and xtcocotools is built here
# because its wheel is for numpy 1 (needs a C compiler). A second run only looks and says so.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
python="${1:-$root/.venv}/bin/python"
openmmlab=(mmengine==0.10.7 mmcv-lite==2.1.0 mmdet==3.3.0 mmpose==1.3.2)
xtcocotools=1.14.3
guarded=(torch numpy opencv-python-headless setuptools)

if [ ! -x "$python" ]; then
    echo "setup-mmpose: $python: no such virtual environment; make one first: make setup" >&2
    exit 6
fi

# versions of the named packages, one `name==version` a line, absent ones left out
versions() {
    "$python" - "$@" <<'PY'
import sys
from importlib.metadata import PackageNotFoundError, version
for name in sys.argv[1:]:
    try:
        print(f"{name}=={version(name)}")
    except PackageNotFoundError:
        pass
PY
}

complete() {
    [ "$(versions mmengine mmcv-lite mmdet mmpose | tr '\n' ' ')" = "${openmmlab[*]} " ] &&
        "$python" -c 'import xtcocotools._mask, pkg_resources' 2>/dev/null >&2
}

if complete; then
    echo "setup-mmpose: ${openmmlab[*]} are there already; nothing to do"
    exit 0
fi

before="$(versions "${guarded[@]}")"
for name in torch numpy opencv-python-headless; do
    if ! grep -q "^$name==" <<<"$before"; then
        echo "setup-mmpose: $python has no $name; install hint-tools with its train extra first: make setup" >&2
        exit 6
    fi
done

scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
# nothing that is there may move, so everything that is there is a constraint (a local build's +tag is not a version)
"$python" -m pip --disable-pip-version-check freeze --all --exclude-editable 2>/dev/null |
    grep -E '^[A-Za-z0-9._-]+==' | grep -vE '^(pip|wheel)==' | sed 's/+.*//' >"$scratch/constraints.txt"
"$python" - "$root/pyproject.toml" >"$scratch/requirements.txt" <<'PY'
import sys, tomllib
with open(sys.argv[1], "rb") as opened:
    print("\n".join(tomllib.load(opened)["project"]["optional-dependencies"]["mmpose"]))
PY

pip=("$python" -m pip --disable-pip-version-check install --quiet)
echo "setup-mmpose: 1/4 what MMPose uses"
"${pip[@]}" -c "$scratch/constraints.txt" -r "$scratch/requirements.txt"
echo "setup-mmpose: 2/4 ${openmmlab[*]}, without their own pins"
"${pip[@]}" --no-deps "${openmmlab[@]}"
echo "setup-mmpose: 3/4 xtcocotools $xtcocotools, built for this numpy"
"${pip[@]}" --no-deps --no-build-isolation --force-reinstall --no-binary xtcocotools "xtcocotools==$xtcocotools"

after="$(versions "${guarded[@]}")"
for pinned in $before; do
    if ! grep -qxF "$pinned" <<<"$after"; then
        echo "setup-mmpose: $pinned was changed; now there are: $(tr '\n' ' ' <<<"$after")" >&2
        exit 6
    fi
done
echo "setup-mmpose: 4/4 importing"
PYTHONPATH="$root" "$python" -W ignore - <<'PY'
from hint_tools.prelabel.mmpose_shim import install
filled = install()
import mmdet.apis, mmpose, mmpose.apis
print(f"setup-mmpose: mmpose {mmpose.__version__} and mmdet {mmdet.__version__} import (filled in: {', '.join(filled)})")
PY
