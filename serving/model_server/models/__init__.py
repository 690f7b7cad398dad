"""SavedModels: their versions on disk and in memory, warm-up and Predict."""
