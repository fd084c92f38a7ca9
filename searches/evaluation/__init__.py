"""What a candidate's values mean: data sets, the trainer, and the warm evaluator process that runs both."""
