"""The asker: it measures and nothing else."""
