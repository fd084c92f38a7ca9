"""The background work of a run: claim it, run its engine, record its events, clean up after it."""
