"""Labelled texts before training: read, checked, deduplicated, split, and tokenized."""
