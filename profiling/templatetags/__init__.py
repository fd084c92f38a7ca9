"""Template tags of profiling: plots on two logarithmic axes, drawn by the server."""
