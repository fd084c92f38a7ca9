"""Training one network: the recipe, the loop, its checkpoints and its processes."""
