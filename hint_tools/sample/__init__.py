"""Stage: choose frames and hands of a source, extract them into the project."""
