"""A federated-learning Director, compatible on the wire with OpenFL 1.5 and 1.6."""
