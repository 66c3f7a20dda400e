"""Sources of tweets: each has a function or class with `batches`."""
