"""Prepared data on disk: made once, never decided again."""
