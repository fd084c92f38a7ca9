"""What a candidate's values mean: datasets, the trainer, and the warm evaluator process that runs both."""
