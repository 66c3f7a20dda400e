"""Scoring of tables of any size, in several processes, with parts from which an interrupted command continues."""
