"""Migrations of searches."""
