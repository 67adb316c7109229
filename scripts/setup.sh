#!/usr/bin/env bash
# setup.sh PYTHON VENV: make the environment the tests and the demo run in.
# torch comes first and by exact version: a looser request may bring gigabytes of CUDA packages.
set -euo pipefail
python=$1
venv=$2
started=$SECONDS
command -v "$python" >/dev/null || python=python3
"$python" - <<'P' || { echo "hint-tools needs Python 3.11 or newer; name one: make setup PYTHON=/path/to/python3.11" >&2; exit 6; }
import sys
sys.exit(sys.version_info < (3, 11))
P
pip() { "$venv/bin/python" -m pip --disable-pip-version-check "$@" 2> >(grep -v '^WARNING: Location' >&2); }
echo "[1/3] virtual environment in $venv"
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
echo "[2/3] torch (CPU)"
pip install -q -c constraints-cpu.txt "$(grep '^torch==' constraints-cpu.txt)"
echo "[3/3] hint-tools and what its tests need"
pip install -q -c constraints-cpu.txt -e '.[labelstudio,train,ray,s3,dev]'
echo "set-up done in $((SECONDS - started)) s; try: $venv/bin/hint --help"
