"""Read the tables that people have, and write tables that they can open: for the pipeline, the page and exports.

This package imports no other package of the project. `tables.writing` does not import pandas.
"""
