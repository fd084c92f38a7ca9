"""What a network is: graph, operations, search spaces, torch module."""
