"""Counterfactuals: a training runs again with one thing taken from another run, and all else its own."""
