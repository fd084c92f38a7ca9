"""Executors run evaluations, in local processes or on a Ray cluster, behind one protocol."""
