"""How the data of the latest run differs from the curated schema.

SchemaGen's schema describes today's data, the curated one what it must look like. Only what
SchemaGen states is compared: it infers no numeric ranges and no comparators, so their absence means nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableSequence, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from google.protobuf import text_format
from rich.text import Text
from tensorflow_metadata.proto.v0 import schema_pb2

from pipeline.commands.inferred_schema import SchemaReviewError

# What SchemaGen writes of every feature; of two fields on a line, a feature has one.
_ALWAYS_STATED: Final = {"type", "presence", "group_presence", "shape", "value_count", "value_counts"}

_NONE: Final = "none"
_STYLES: Final = {"added": "green", "missing": "red", "changed": "yellow"}
_MARKS: Final = {"added": "+", "missing": "-", "changed": "~"}


@dataclass(frozen=True)
class Change:
    """A field of a feature: curated (`old`) and inferred (`new`), in words."""

    field: str
    old: str
    new: str


@dataclass(frozen=True)
class FeatureReview:
    """A feature that only the data has (added), only the curated schema has (missing), or that differs."""

    name: str
    kind: Literal["added", "missing", "changed"]
    changes: tuple[Change, ...]


def compare(curated: schema_pb2.Schema, inferred: schema_pb2.Schema) -> list[FeatureReview]:
    """Returns the features in which the inferred schema differs, in the order of the schemas."""
    wanted = {feature.name: feature for feature in curated.feature}
    found = {feature.name: feature for feature in inferred.feature}
    result = []
    for name in [*wanted, *(name for name in found if name not in wanted)]:
        if name not in found:
            result.append(FeatureReview(name, "missing", ()))
            continue
        old = wanted.get(name, schema_pb2.Feature())
        changes = tuple(_changes(old, curated, found[name], inferred))
        if changes:
            result.append(FeatureReview(name, "changed" if name in wanted else "added", changes))
    return result


def _changes(
    old: schema_pb2.Feature,
    curated: schema_pb2.Schema,
    new: schema_pb2.Feature,
    inferred: schema_pb2.Schema,
) -> Iterator[Change]:
    for field in schema_pb2.Feature.DESCRIPTOR.fields:
        oneof = field.containing_oneof
        if field.name == "name" or (oneof is not None and oneof.name == "domain_info"):
            continue
        before, after = _in_words(old, field.name), _in_words(new, field.name)
        stated = field.name in _ALWAYS_STATED or after != _NONE
        if stated and before != after:
            yield Change(field.name, before, after)
    before_values, after_values = string_domain(old, curated), string_domain(new, inferred)
    if before_values is not None or after_values is not None:
        if before_values is None or after_values is None or set(before_values) != set(after_values):
            yield _domain_change(before_values, after_values)
    elif (domain := new.WhichOneof("domain_info")) is not None:
        before, after = _in_words(old, domain), _in_words(new, domain)
        if before != after:
            yield Change(domain, before, after)


def _in_words(feature: schema_pb2.Feature, field: str) -> str:
    descriptor = schema_pb2.Feature.DESCRIPTOR.fields_by_name[field]
    if field == "presence":
        # An unset bound is 0, so `{}` and `{ min_fraction: 0 }` are the same.
        presence = feature.presence
        return f"min_fraction: {presence.min_fraction:g} min_count: {presence.min_count}"
    value = getattr(feature, field)
    if isinstance(value, MutableSequence):
        return ", ".join(str(item) for item in value) or _NONE
    if not feature.HasField(field):
        return _NONE
    if descriptor.message_type is not None:
        inside = text_format.MessageToString(value, as_one_line=True)
        return f"{{ {inside} }}" if inside else "{}"
    if descriptor.enum_type is not None:
        return str(descriptor.enum_type.values_by_number[value].name)
    return str(value)


def string_domain(feature: schema_pb2.Feature, schema: schema_pb2.Schema) -> list[str] | None:
    """Returns the values that a string feature may have, or None where it is free."""
    if feature.HasField("string_domain"):
        return list(feature.string_domain.value)
    if not feature.HasField("domain"):
        return None
    for domain in schema.string_domain:
        if domain.name == feature.domain:
            return list(domain.value)
    raise SchemaReviewError(
        f"feature {feature.name}: the schema does not have the string_domain {feature.domain!r}"
    )


def _domain_change(old: list[str] | None, new: list[str] | None) -> Change:
    more = [f"+{value!r}" for value in new or () if value not in set(old or ())]
    fewer = [f"-{value!r}" for value in old or () if value not in set(new or ())]
    before = "free text" if old is None else f"{len(old)} values"
    after = "free text" if new is None else " ".join([f"{len(new)} values:", *more, *fewer])
    return Change("domain", before, after)


def lines(reviews: Sequence[FeatureReview]) -> Iterator[Text]:
    """The differences for a person to read, one line a feature and one a changed field."""
    for feature in reviews:
        note = {"added": "only in the data", "missing": "not in the data", "changed": ""}[feature.kind]
        yield Text(f"  {_MARKS[feature.kind]} {feature.name}  {note}".rstrip(), _STYLES[feature.kind])
        for change in feature.changes:
            old = () if feature.kind == "added" else ((change.old, "red"), " -> ")
            yield Text.assemble(f"      {change.field}: ", *old, (change.new, "green"))
