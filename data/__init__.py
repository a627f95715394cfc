"""boneage-search, the data: RSNA tables and images, the prepared store, batches, the phantom. Knows nothing of models or Optuna, and imports no TensorFlow."""
