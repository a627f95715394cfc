"""boneage-search, what runs, keeps and shows: command line, trials, executors, storage, reports, trained models. What to train next, the studies say."""
