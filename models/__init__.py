"""boneage-search, the networks: the architecture as a frozen value, its cost by arithmetic, its Keras graph, its training. Knows nothing of runs, Optuna or studies."""
