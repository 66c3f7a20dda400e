"""Output for people: tables, plots, model cards and data reports."""
