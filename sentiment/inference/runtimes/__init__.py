"""Runtimes: one light module for each form in which a model is served.

Each has `REQUIREMENTS`, its distributions, and `load(folder, text)`, which returns a function from raw tweets to the
probability that each is negative. For a linear model, this may also be a `sentiment.inference.explain.Linear`.
"""
