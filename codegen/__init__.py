"""Generated repositories: from a graph and its weights to a folder that runs without the portal."""
