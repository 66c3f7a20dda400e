"""Runtimes: one light module for each form in which a model is served.

Each has `REQUIREMENTS`, the distributions it needs, and `load(folder, text)`, which returns a function from raw tweets
to the probability that each is negative. That of a linear model may be a `sentiment.inference.explain.Linear`, too.
"""
