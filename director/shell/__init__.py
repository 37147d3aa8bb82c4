"""The parts of the Director that act: they wait, store, stream and run what the core decides."""
