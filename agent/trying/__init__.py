"""Trying for real what a configuration names: endpoints, database, collector, receiver."""
