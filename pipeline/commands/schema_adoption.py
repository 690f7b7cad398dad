"""Takes features of the inferred schema over into a curated `.pbtxt` file.

Protocol buffers forget comments when they are read, so the file is edited as text: only the blocks of the
adopted features and of their domains are replaced, everything else stays as it was written.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

# The fields that the curated files write first; the others follow by number.
_FIRST_FIELDS: Final = ("name", "type", "presence")
# Strings and comments may hold braces, so they are tokens of their own.
_TOKEN: Final = re.compile(r""""(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|#[^\n]*|[{}<>]|[^\s"'#{}<>]+""")
_FEATURE: Final = "feature"
_STRING_DOMAIN: Final = "string_domain"


@dataclass(frozen=True)
class _Block:
    """A top-level message of the file: the text from `start` to `end`."""

    kind: str
    name: str
    start: int
    end: int


def adopted(text: str, inferred: schema_pb2.Schema, names: Collection[str]) -> str:
    """Returns a curated schema in which the named features are as the data has them.

    Type, presence, shape and domain come from the inferred schema. What SchemaGen never infers, such as
    comparators and ranges, stays while the type does. Comments inside a replaced block are lost.

    Args:
      text: the curated schema in text form.
      inferred: the schema that has the features.
      names: the features to adopt.

    Raises:
      KeyError: the inferred schema lacks a feature.
    """
    found = {feature.name: feature for feature in inferred.feature}
    domains = {domain.name: domain for domain in inferred.string_domain}
    for name in names:
        curated = text_format.Parse(text, schema_pb2.Schema())
        old = next((feature for feature in curated.feature if feature.name == name), None)
        new = found[name] if old is None else _merged(old, found[name])
        text = _put(text, schema_pb2.Schema(feature=[new]))
        if new.HasField("domain"):
            text = _put(text, schema_pb2.Schema(string_domain=[domains[new.domain]]))
        if old is not None and old.HasField("domain"):
            text = _without_unused_domain(text, old.domain)
    return text


def replace_file(path: Path, text: str) -> None:
    """Writes `path` in one step: who reads it meanwhile sees the old text or the new one."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".schema-") as folder:
        temporary = Path(folder) / path.name
        temporary.write_text(text, encoding="utf-8")
        shutil.copymode(path, temporary)
        temporary.replace(path)


def _merged(old: schema_pb2.Feature, new: schema_pb2.Feature) -> schema_pb2.Feature:
    """`new`, with what SchemaGen never states as `old` has it."""
    result = schema_pb2.Feature()
    if old.type == new.type:
        result.CopyFrom(old)
        for oneof in ("presence_constraints", "shape_type"):
            _clear_oneof(result, oneof)
        # SchemaGen omits strings where there are too many, and it never gives a range.
        if new.WhichOneof("domain_info") or old.WhichOneof("domain_info") in ("domain", "string_domain"):
            _clear_oneof(result, "domain_info")
        for field, _ in new.ListFields():
            result.ClearField(field.name)
    result.MergeFrom(new)
    return result


def _clear_oneof(feature: schema_pb2.Feature, oneof: str) -> None:
    if (field := feature.WhichOneof(oneof)) is not None:
        feature.ClearField(field)


def _put(text: str, message: schema_pb2.Schema) -> str:
    """Replaces the block with the kind and name of `message`'s only one, or adds it behind its kind."""
    kind = _FEATURE if message.feature else _STRING_DOMAIN
    name = getattr(message, kind)[0].name
    written = "\n".join([f"{kind} {{", *_body(getattr(message, kind)[0]), "}"])
    same_kind = [block for block in _blocks(text) if block.kind == kind]
    for block in same_kind:
        if block.name == name:
            return text[: block.start] + written + text[block.end :]
    if not same_kind:
        return f"{text.rstrip()}\n\n{written}\n"
    end = same_kind[-1].end
    return f"{text[:end]}\n\n{written}{text[end:]}"


def _body(message: schema_pb2.Feature | schema_pb2.StringDomain) -> Iterator[str]:
    """The fields of a block as the curated files write them: one a line, the important ones first."""
    fields = [field.name for field, _ in message.ListFields()]
    for name in sorted(fields, key=lambda name: (name not in _FIRST_FIELDS, fields.index(name))):
        single = type(message)()
        single.CopyFrom(message)
        for other in fields:
            if other != name:
                single.ClearField(other)
        one_line = isinstance(message, schema_pb2.Feature)
        written = text_format.MessageToString(single, as_one_line=one_line)
        yield from (f"  {line.strip()}" for line in written.splitlines())


def _without_unused_domain(text: str, name: str) -> str:
    schema = text_format.Parse(text, schema_pb2.Schema())
    if any(feature.domain == name for feature in schema.feature):
        return text
    for block in _blocks(text):
        if (block.kind, block.name) == (_STRING_DOMAIN, name):
            return text[: block.start].rstrip(" ") + text[block.end :].lstrip("\n")
    return text


def _blocks(text: str) -> Iterator[_Block]:
    """The top-level features and string domains of a schema that has been parsed without an error."""
    depth, kind, start = 0, "", 0
    for token in _TOKEN.finditer(text):
        word = token.group()
        if word.startswith("#"):
            continue
        if word in "{<":
            depth += 1
        elif word in "}>":
            depth -= 1
            if depth == 0 and kind in (_FEATURE, _STRING_DOMAIN):
                message = text_format.Parse(text[start : token.end()], schema_pb2.Schema())
                yield _Block(kind, getattr(message, kind)[0].name, start, token.end())
        elif depth == 0:
            kind, start = word.rstrip(":"), token.start()
