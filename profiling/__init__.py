"""Hardware targets and meters: what a network costs, and where that number comes from."""
