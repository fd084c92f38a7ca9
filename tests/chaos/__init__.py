"""Fault injection: real engines, real evaluators, real kills."""
