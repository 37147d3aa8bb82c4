"""Scenario files: their schema, and reading them with positions."""
