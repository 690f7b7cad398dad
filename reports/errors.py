"""What can go wrong with a report."""


class ReportError(ValueError):
    """One clear message: which run, folder or file is wrong, and what to do."""
