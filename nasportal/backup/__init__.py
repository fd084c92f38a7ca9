"""The portal in one file, and its rows in another database."""
