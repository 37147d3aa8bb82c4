"""What a Director counts, for Prometheus; needs the extra `squall[metrics]`."""
