"""Benchmarks: plain scripts that say ratios within one run, where absolute times would depend on the machine."""
