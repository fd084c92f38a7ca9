"""Installing and preparing a portal."""
