"""What the printers of all frameworks share: blocks, classes, names, statements and shapes."""
