"""Formats and checks that the readers of datasets share."""
