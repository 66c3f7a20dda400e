"""Events (predictions and feedback): stored in SQLite, checked for alerts, forwarded to Application Insights."""
