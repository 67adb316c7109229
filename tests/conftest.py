"""What every test shares: how property tests draw."""

import os

from hypothesis import settings

# The gate draws the same examples every time, so that it fails for a change and not for a draw; elsewhere they are new
# each run. Deadlines are off: machines are shared, and how long an example took says little.
settings.register_profile("gate", derandomize=True, deadline=None)
settings.register_profile("here", deadline=None)
settings.load_profile("gate" if os.environ.get("CI") else "here")
