"""What every test shares: how property tests draw, and that Ctrl-C reaches what the tests start."""

import os
import signal

from hypothesis import settings

# The gate draws the same examples every time, so that it fails for a change and not for a draw; elsewhere they are new
# each run. Deadlines are off: machines are shared, and how long an example took says little.
settings.register_profile("gate", derandomize=True, deadline=None)
settings.register_profile("here", deadline=None)
settings.load_profile("gate" if os.environ.get("CI") else "here")

# A shell that runs the gate in the background starts it deaf to Ctrl-C, and everything it starts inherits that.
signal.signal(signal.SIGINT, signal.default_int_handler)
