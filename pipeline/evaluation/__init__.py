"""What the Evaluators measure, on which slices, and the thresholds."""
