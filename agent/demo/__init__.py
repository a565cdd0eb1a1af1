"""Simulated clouds on loopback."""
