"""The graph of a network and what can be read from it, in the standard library only."""
