"""Commands beside a run, on schemas, versions, presets and requests: `python -m pipeline --help`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Final

from contracts.signatures import SERVABLES

EQUAL, DIFFERENT, ERROR, INTERRUPTED = 0, 1, 2, 130
DONE, DECLINED = 0, 1

_DESCRIPTION: Final = (
    "Review schemas, list and move versions, keep presets, accept changed data, compare requests."
)

_REVIEW_HELP: Final = """\
examples:
  python -m pipeline schema review
      the latest run below runs/
  python -m pipeline schema review --output runs/1m --of movies
      the movies of another output folder

Exit status: 0 no difference, 1 differences, 2 there is nothing to compare.
"""
_ADOPT_HELP: Final = """\
examples:
  python -m pipeline schema adopt
      everything that is new or changed in the data, after confirmation
  python -m pipeline schema adopt movie_genres --yes
      one feature, in both schemas, without confirmation

What SchemaGen never infers (ranges of numbers, comparators) stays as it is, and so do the comments outside
of the replaced blocks. A feature that the data lacks is never removed.

Exit status: 0 adopted or nothing to adopt, 1 declined, 2 bad input.
"""
_VERSIONS_HELP: Final = """\
examples:
  python -m pipeline versions
      all models below runs/serving
  python -m pipeline versions ranking --output gs://bucket/movielens

Exit status: 0 listed, 2 there is no version.
"""
_PROMOTE_HELP: Final = """\
examples:
  python -m pipeline promote 1764098765
      all models that were pushed under this version
  python -m pipeline promote 1764098765 --output runs/1m --yes
  python -m pipeline promote 1764098765 --only ranking
      that model alone, beside the others as they are

The version's files are published again, byte for byte, as the highest version, which TensorFlow Serving
serves by default. Nothing is removed, and history.jsonl beside the versions records who did it and when. The
models of one run are served together: a version that only some of them have is refused without --only.
A server whose models.config names a version or a label follows that instead.

Exit status: 0 served, 1 declined, 2 it cannot be served.
"""
_ROLLBACK_HELP: Final = """\
examples:
  python -m pipeline rollback
      to the models that were pushed before those that are served, after confirmation
  python -m pipeline rollback 1764098765 --yes
  python -m pipeline rollback --only ranking
      that model alone, beside the others as they are

Works as `promote` does. What was left is not pushed again by a later run: `promote` brings it back.

Exit status: 0 served, 1 declined, 2 it cannot be served.
"""
_ACCEPT_HELP: Final = """\
examples:
  python -m pipeline gate accept runs/artifacts/DataGate/gate_result/17.data_gate.json \\
      --reason "the spring import doubled the catalogue"
      the record is named by the error with which the data gate stopped the run

The next run on the same data passes the comparisons with the last accepted run, and becomes the one that
later runs are compared with. Anomalies, missing values, minimums and the catalogue are checked as ever.

Exit status: 0 accepted, 1 declined, 2 bad input.
"""
_PRESET_HELP: Final = """\
examples:
  python -m pipeline preset best
      what the latest run below runs/ has found; `local_runner.py --preset best` then takes it
  python -m pipeline preset mine --output runs/1m --run 2026-01-31T12 --yes

The file is pipeline/configs/presets/NAME.yaml. Its comments name the data, split and command made each
section; the head and sections of other models stay. Numbers are kept with four digits.

Exit status: 0 written, 2 there is nothing to write, or the preset has the section already.
"""
_SKEW_HELP: Final = """\
examples:
  python -m serving app --request-log runs/requests
      logs a share of the requests of the web application
  python -m pipeline serving-skew runs/requests
      the newest version that the log has requests of
  python -m pipeline serving-skew /logs/a /logs/b --version 1764098765 --output runs/1m

The requests are compared with the statistics of the train split of the run that trained the version, by the
measures of the data gate. The report is an HTML page below DIR/reports/.

Exit status: 0 every distance is within its threshold, 1 one is above it or a value is not allowed, 2 there is
nothing to compare.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command that the flags name and returns the exit status."""
    args = _parser().parse_args(argv)
    try:
        if args.command == "gate":
            return _gate(args)
        if args.command == "preset":
            return _preset(args)
        if args.command == "serving-skew":
            return _serving_skew(args)
        return _schema(args) if args.command == "schema" else _versions(args)
    except KeyboardInterrupt:
        print("error: interrupted", file=sys.stderr)
        return INTERRUPTED


def _schema(args: argparse.Namespace) -> int:
    # TFX, ML Metadata and the protocol buffers load only when a command needs them.
    from pipeline.commands import schema as schema_commands
    from pipeline.commands.inferred_schema import SchemaReviewError

    try:
        if args.action == "review":
            return DIFFERENT if schema_commands.review(args.output, args.of) else EQUAL
        return EQUAL if schema_commands.adopt(args.output, args.of, args.features, args.yes) else DIFFERENT
    except SchemaReviewError as error:
        print(f"error: {error}", file=sys.stderr)
        return ERROR


def _versions(args: argparse.Namespace) -> int:
    from pipeline.commands import versions as commands

    try:
        if args.command == "versions":
            commands.show_versions(args.output, args.model)
            return DONE
        command = commands.promote if args.command == "promote" else commands.rollback
        return DONE if command(args.output, args.version, args.only, args.yes) else DECLINED
    except commands.VersionError as error:
        print(f"error: {error}", file=sys.stderr)
        return ERROR


def _gate(args: argparse.Namespace) -> int:
    from pipeline.commands import gate as gate_commands

    try:
        return DONE if gate_commands.accept(args.record, args.reason, args.yes) else DECLINED
    except gate_commands.DataGateError as error:
        print(f"error: {error}", file=sys.stderr)
        return ERROR


def _preset(args: argparse.Namespace) -> int:
    from pipeline.commands import preset as preset_commands
    from pipeline.local_run.run_summary import shown

    try:
        file = preset_commands.keep(args.output, args.run, args.name, overwrite=args.yes)
    except preset_commands.PresetError as error:
        print(f"error: {error}", file=sys.stderr)
        return ERROR
    print(f"{shown(str(file))}: local_runner.py --preset {args.name}")
    return DONE


def _serving_skew(args: argparse.Namespace) -> int:
    # TensorFlow Data Validation, which TensorFlow comes with, takes seconds to load.
    from pipeline.commands import serving_skew as commands

    try:
        return EQUAL if commands.compare(args.output, args.logs, args.version) else DIFFERENT
    except (commands.ReportError, commands.VersionError) as error:
        print(f"error: {error}", file=sys.stderr)
        return ERROR


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pipeline", description=_DESCRIPTION, allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    schema = commands.add_parser("schema", help="compare the curated schemas with the data of the latest run")
    actions = schema.add_subparsers(dest="action", required=True, metavar="ACTION")
    review = _action(actions, "review", "Show how the data differs from the curated schemas.", _REVIEW_HELP)
    adopt = _action(
        actions, "adopt", "Change features of the curated schemas to what the data has.", _ADOPT_HELP
    )
    adopt.add_argument("features", nargs="*", metavar="FEATURE", help="default: all new and changed ones")
    for command in (review, adopt):
        command.add_argument("--of", choices=("ratings", "movies"), help="only this schema (default: both)")
    versions = _action(
        commands, "versions", "List the pushed versions, their metrics, and which is served.", _VERSIONS_HELP
    )
    promote = _action(commands, "promote", "Serve the models of a version.", _PROMOTE_HELP)
    rollback = _action(commands, "rollback", "Serve the models of an earlier run again.", _ROLLBACK_HELP)
    versions.add_argument("model", nargs="?", choices=SERVABLES, help="only this model (default: all)")
    promote.add_argument("version", type=int, metavar="VERSION")
    rollback.add_argument(
        "version", type=int, nargs="?", metavar="VERSION", help="default: what was pushed before"
    )
    for command in (promote, rollback):
        command.add_argument(
            "--only", choices=SERVABLES, help="move this model and leave the others of its run as they are"
        )
    for command in (adopt, promote, rollback):
        command.add_argument("--yes", action="store_true", help="do not ask for confirmation")
    preset = _action(
        commands, "preset", "Make a preset of the hyperparameters that a run's Tuners found.", _PRESET_HELP
    )
    preset.add_argument("name", metavar="NAME", help="of the preset")
    preset.add_argument("--run", metavar="ID", default="latest", help="as `python -m reports list` shows it")
    preset.add_argument("--yes", action="store_true", help="replace a section that is there")
    skew = _action(commands, "serving-skew", "Compare logged requests with the data of training.", _SKEW_HELP)
    skew.add_argument("logs", nargs="+", metavar="LOG", help="folder of a request log")
    skew.add_argument(
        "--version", type=int, metavar="VERSION", help="default: the newest that the logs have requests of"
    )
    for command in (review, adopt, versions, promote, rollback, preset, skew):
        command.add_argument(
            "--output", metavar="DIR", default="runs", help="output folder of the runs (default: %(default)s)"
        )
    gate = commands.add_parser("gate", help="accept data that the data gate stopped")
    accept = _action(
        gate.add_subparsers(dest="action", required=True, metavar="ACTION"),
        "accept",
        "Accept data that differs from the last accepted run.",
        _ACCEPT_HELP,
    )
    accept.add_argument("record", metavar="RECORD", help="the record that the refusal named")
    accept.add_argument("--reason", required=True, help="why the change is meant")
    accept.add_argument("--yes", action="store_true", help="do not ask for confirmation")
    return parser


def _action(
    actions: argparse._SubParsersAction[argparse.ArgumentParser], name: str, description: str, epilog: str
) -> argparse.ArgumentParser:
    return actions.add_parser(
        name,
        help=description[0].lower() + description[1:].rstrip("."),
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


if __name__ == "__main__":
    sys.exit(main())
