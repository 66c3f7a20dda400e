"""Exactly what travels in every served model: raw tweets in, the probability that each is negative out."""
