"""Migrations of codegen."""
