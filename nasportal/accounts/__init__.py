"""Accounts: signing in, one-time links, passwords, tokens for programs."""
