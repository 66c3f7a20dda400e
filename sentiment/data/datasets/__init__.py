"""Data sets of labelled tweets: one module per source."""
