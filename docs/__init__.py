"""The documentation, and `python -m docs.generate`, which draws the reference from the code."""
