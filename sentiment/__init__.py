"""Sentiment of tweets: the library that trains models and that every served model contains."""
