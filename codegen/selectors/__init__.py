"""Reads for pages: the files of a repository before and after it is made."""
