"""How good a model is, and whether it may be served: labels and probabilities in, figures and verdicts out."""
