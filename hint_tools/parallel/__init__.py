"""Many jobs at once, on this machine's cores or on a Ray cluster, with the same results as one after another."""
