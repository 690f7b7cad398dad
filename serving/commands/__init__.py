"""The subcommands of `python -m serving`, one a file."""


class CommandError(Exception):
    """What keeps a command from its work, in one line with what to do."""
