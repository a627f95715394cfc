"""boneage-search, the data: tables of cases and their images, the prepared store, batches, the phantom. Knows nothing of models or Optuna, and imports no TensorFlow."""
