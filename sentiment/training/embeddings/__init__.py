"""Embeddings: one module per method, each with one keyword-only `fit`."""
