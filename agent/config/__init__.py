"""YAML in, a frozen plan out."""
