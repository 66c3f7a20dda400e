"""Read the tables that people have, and write those that they open: the one reader of pipeline, page and exports.

This package imports none of the others of the project. `tables.writing` imports no pandas.
"""
