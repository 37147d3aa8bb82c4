"""What can go wrong, one small file per family."""
