"""The index of the runs of an output folder."""
