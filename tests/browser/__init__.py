"""Journeys in headless Chromium against the real portal."""
