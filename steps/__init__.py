"""Steps of the pipeline: one module per entry point of MLproject. Run `python -m steps <step> [overrides]`."""
