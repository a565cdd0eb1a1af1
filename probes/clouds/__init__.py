"""The rows of the catalogue, one vendor a file."""
