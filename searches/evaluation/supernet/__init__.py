"""Supernets: training with shared weights, and the choices read from them."""
