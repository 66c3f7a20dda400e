"""Benchmarks of speed, as ratios to a reference. Run `python -m benchmarks.<name>`."""
