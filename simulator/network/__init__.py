"""One network seam, two worlds: memory and wire."""
