"""The pages of docs/ inside the portal."""
