"""The entry point: light, so that Ctrl-C while the rest is still being loaded is answered as it is later."""

from __future__ import annotations

import os
import signal
import sys

INTERRUPTED = "interrupted: what was done is kept; the same command continues"


def main() -> None:
    """Run the command line; never returns."""
    try:
        from hint_tools.cli.app import build_app

        build_app(sys.argv[1:])()
    except SystemExit:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the work is done and told; Ctrl-C now would only hide that
        raise
    except KeyboardInterrupt:
        sys.stderr.write(f"{INTERRUPTED}\n")
        sys.stderr.flush()
        os._exit(130)  # what was half loaded has nothing to save, and may not survive a tidy end
