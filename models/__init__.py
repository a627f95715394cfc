"""boneage-search, the networks: the architecture as a frozen value, its cost by arithmetic, its Keras graph. Knows nothing of files, Optuna or studies."""
