"""Stage: what several annotators said of the same hands, how far they agree, and what to conclude."""
