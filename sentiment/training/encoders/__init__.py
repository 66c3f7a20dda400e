"""Sentence encoders: one module per kind.

Each has `RUNTIME`, which serves it; `encode`, from texts to vectors; and `export`, which writes the runtime's files for
the encoder and a network on its vectors.
"""
