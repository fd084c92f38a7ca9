"""nasportal-agent: one file that is copied to a device; nothing here imports it."""
