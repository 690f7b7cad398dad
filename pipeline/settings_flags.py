"""The flags of both entry points that settings come from."""

import argparse

from pipeline.config import preset_names


def add_settings_flags(parser: argparse.ArgumentParser) -> None:
    """Adds a preset, a file of settings, single settings, and how much is logged."""
    parser.add_argument(
        "--preset",
        metavar="NAME",
        help=f"settings that come with the project, below --config and --set: {', '.join(preset_names())}",
    )
    parser.add_argument(
        "--config", metavar="FILE", help="YAML file with settings that differ from the defaults"
    )
    parser.add_argument(
        "--set", metavar="KEY=VALUE", action="append", default=[], dest="overrides", help="override a setting"
    )
    parser.add_argument(
        "--verbose", action="store_true", help="show every library's log lines and tracebacks"
    )
