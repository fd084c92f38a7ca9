"""What every app may use. Nothing in here imports an app."""
