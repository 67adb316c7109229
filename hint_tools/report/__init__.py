"""Self-contained HTML pages: one file, no script, nothing fetched from anywhere."""
