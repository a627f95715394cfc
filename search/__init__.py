"""boneage-search, the engine: command line, trial life cycle, executors, storage. Knows nothing of what a block is."""
