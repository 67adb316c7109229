"""A small synthetic world with exact truth: rendered hands in each source's own layout, simulated annotators."""
