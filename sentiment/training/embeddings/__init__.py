"""Embeddings: one module for each way to make one, each with one `fit`, all keyword-only."""
