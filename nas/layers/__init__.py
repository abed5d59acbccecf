"""Mechanisms that several block families use, one per file; torch and nothing else."""
