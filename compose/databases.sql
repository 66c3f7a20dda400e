-- The databases of compose.yaml, created when PostgreSQL starts for the first time.
CREATE DATABASE events;
CREATE DATABASE mlflow;
