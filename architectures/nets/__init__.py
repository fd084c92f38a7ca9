"""Graph to torch module. The only place on the ground floor where torch lives."""
