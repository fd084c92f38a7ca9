"""Weights of earlier evaluations: where they are, and which version a job was given."""
