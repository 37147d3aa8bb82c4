"""The only part of the Director that speaks gRPC."""
