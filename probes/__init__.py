"""Probes ask: one request to one endpoint, timed and classified."""
