"""Frames to and from bytes, one framing a file: incremental, pure, in both directions."""
