"""Delivery: put a new version of the service into production, step by step, and take it back if it fails."""
