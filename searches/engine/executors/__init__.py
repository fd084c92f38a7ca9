"""Where evaluations run: local processes or a Ray cluster, behind one protocol."""
