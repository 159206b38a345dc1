"""Reads over many tables, and nothing else."""
