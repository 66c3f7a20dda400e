"""The papers: articles, notes and slides, built from the results of finished runs."""
