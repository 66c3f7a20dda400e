"""The mathematics of watching: pure functions on counts and frames."""
