#!/usr/bin/env bash
# demo.sh BIN: install what only the demo needs (told apart from the round itself), then run it.
set -euo pipefail
bin=$1
started=$SECONDS
"$bin/hint" server install
"$bin/hint" prelabel --download-only
echo "installation done in $((SECONDS - started)) s"
exec "$bin/hint" demo --out demo
