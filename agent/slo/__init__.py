"""The mathematics of objectives, pure: counts in, verdicts out."""
