"""Rounds: the stages by name, in order, from one YAML file; what is stale; the demo; the doctor."""
