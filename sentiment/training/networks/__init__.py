"""Networks: one module each, with one `build` that returns the last hidden layer.

Its first argument names its input: `words`, shape (batch, tokens, vector_size), or `sentences`, (batch, vector_size).
"""
