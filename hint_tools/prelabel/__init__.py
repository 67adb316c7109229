"""Stage `prelabel`: where the hands are, and a first guess of their joints, for annotators to correct."""
