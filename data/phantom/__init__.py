"""Drawn hands, for tests and demonstrations. They say nothing about patients."""
