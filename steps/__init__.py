"""Steps of the pipeline: one module per entry point of MLproject, run by `python -m steps <step> [overrides]`."""
