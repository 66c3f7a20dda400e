"""Sentiment of tweets: the library that the steps train with and that every served model carries."""
