"""What a network costs: counted on the graph, modelled for a target, or measured here; each figure says which."""
