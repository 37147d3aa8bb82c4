"""Simulated envoys and frontends."""
