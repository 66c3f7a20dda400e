"""Trainable models: bags of words, networks on word vectors, BERT, and stacks of these."""
