"""Exactly what every served model contains: raw tweets in, the probability that each is negative out."""
