"""boneage-search, the studies: one module per study: its question, its space, its trials, its decision rule. Knows nothing of how a trial is executed."""
