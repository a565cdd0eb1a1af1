"""The wire under httpx: one connection a request in flight, every read stamped."""
