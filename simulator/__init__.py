"""The fault-injection simulator that judges a Director by named guarantees."""
