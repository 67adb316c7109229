"""Stage `benchmark`: score a checkpoint on annotated hands."""
