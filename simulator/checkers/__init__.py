"""The guarantees, and the evidence against them."""
