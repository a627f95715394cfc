"""Weights of `keras.applications` that a user has, as what trainings start from."""
