"""One way of proving identity a file."""
