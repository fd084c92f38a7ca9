"""One file for each of the eleven areas of the specification; the rest of the tests mirrors the tree."""
