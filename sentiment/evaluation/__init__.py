"""Measure models and decide whether they may be served: labels and probabilities in, metrics and verdicts out."""
