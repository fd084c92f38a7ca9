"""The checks before a download: the gate, and where an export first differs."""
