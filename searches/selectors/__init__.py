"""Reads for pages and the API: what the rows say, computed but never changed."""
