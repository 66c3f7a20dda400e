"""Labelled texts on their way to training: read, checked, deduplicated, split, and cut into tokens."""
