"""One wire format a file, without I/O."""
