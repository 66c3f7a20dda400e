"""Networks: one module for each, with one `build` from what the embedding gives to the last hidden layer.

Its first argument says what it eats: `words`, shape (batch, tokens, vector_size), or `sentences`, (batch, vector_size).
"""
