"""What people read: tables, plots, model cards and data reports."""
