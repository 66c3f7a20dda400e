"""Transformers on PyTorch: a checkpoint, a classifier on top of it, two ways to train it, its export to ONNX."""
