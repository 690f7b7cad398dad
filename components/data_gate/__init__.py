"""A gate that lets data through to Transform or stops the run."""
