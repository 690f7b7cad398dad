"""The report of a run as an artifact."""
