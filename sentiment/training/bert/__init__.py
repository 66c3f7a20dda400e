"""Transformers on PyTorch: a checkpoint, a classifier on top, two ways to train it, and its export to ONNX."""
