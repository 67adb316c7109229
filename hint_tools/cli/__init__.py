"""The `hint` command: one thin file a verb."""
