"""Speed, as ratios: each module is one benchmark, run as `python -m benchmarks.<name>`."""
