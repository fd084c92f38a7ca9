"""Schema of the watchdog."""
