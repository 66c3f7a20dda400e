"""Shared code of the steps: runs, artifacts, reuse, plans, sweeps, the gate and the model registry."""
