"""The composition roots: the only files that pick implementations."""
