"""Algorithms on a table of known results instead of training: how far from the optimum does each of them end?"""
