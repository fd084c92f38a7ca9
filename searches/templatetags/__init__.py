"""Template tags of the pages: figures, plots and icons."""
