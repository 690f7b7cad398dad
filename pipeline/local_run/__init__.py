"""A run on this machine: the orchestrator, the console, the lock, resuming."""
