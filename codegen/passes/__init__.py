"""Passes: graph to graph, each verified, each leaving what the network computes as it is."""
