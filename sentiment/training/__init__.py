"""What learns: bags of words, networks on word vectors, BERT, and blends of them."""
