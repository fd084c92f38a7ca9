"""Who is here: signing in, one-time links, passwords, tokens for programs."""
