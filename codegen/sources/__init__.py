"""The text of a repository: source tree, model card, Dockerfile and preview; no torch, no clock, no disk."""
