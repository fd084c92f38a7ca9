"""What a search writes: events, results, and the files of a run directory."""
