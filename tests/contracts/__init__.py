"""Registries, walked: a new file is examined unasked."""
