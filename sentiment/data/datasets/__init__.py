"""Read or make data sets of labelled tweets, one module each."""
