"""Stages `push` and `pull`, and the embedded Label Studio server: every answer of every annotator is kept."""
