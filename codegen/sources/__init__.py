"""The text of a repository: source tree, model card, Dockerfile and bundle; no torch, no clock, no disk."""
