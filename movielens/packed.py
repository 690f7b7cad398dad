"""Data sets that are packed, as `.gz`, `.zip` or Parquet: written out as the plain files that they stand for.

The workers of a run read parts of a file side by side, which a packed one does not allow.
"""

import contextlib
import gzip
import hashlib
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

import pyarrow
import pyarrow_hotfix  # noqa: F401 (else a Parquet file could run code of its sender)
from pyarrow import compute, csv, parquet

from movielens.archive import unpack
from movielens.layouts import LayoutSpec
from movielens.records import DatasetError


def plain_name(name: str) -> str:
    """The name of the plain file that `name` stands for: `ratings.csv` for `ratings.csv.gz`."""
    if name.endswith(".parquet"):
        return name.removesuffix(".parquet") + ".csv"
    stem = name.removesuffix(".gz").removesuffix(".zip")
    return stem if "." in stem else name


def is_packed(folder: Path, spec: LayoutSpec) -> bool:
    """Whether a file of the layout is there in a packed form alone."""
    return not all((folder / name).exists() for name in spec.files)


def unpack_archive(archive: Path, below: Path) -> Path:
    """Unpacks a whole data set in one `.zip` into a folder below `below`, unless it is there already.

    Raises:
      DatasetError: this is not a zip file.
    """
    target = below / _digest([archive]) / archive.stem
    if not target.is_dir():
        with _made(target) as folder:
            unpack(archive, folder)
    return target


def unpack_files(source: Path, spec: LayoutSpec, below: Path) -> Path:
    """Writes the plain files of a data set into a folder below `below`, unless they are there already.

    Args:
      source: the folder with packed files.
      spec: the layout of the plain ones.
      below: folder for unpacked data sets.

    Returns:
      The folder of the plain files, which has the name of `source`.

    Raises:
      DatasetError: a file cannot be unpacked.
    """
    files = {name: _file_for(source, name) for name in spec.files}
    target = below / _digest(files.values()) / source.resolve().name
    if not target.is_dir():
        with _made(target) as folder:
            for name, file in files.items():
                try:
                    _write_plain(file, folder / name)
                except (OSError, EOFError, zipfile.BadZipFile, pyarrow.ArrowException) as error:
                    raise DatasetError(
                        f"{file} cannot be unpacked ({error}): expected is a whole file that holds {name}"
                    ) from error
    return target


def _file_for(source: Path, name: str) -> Path:
    found = [path for path in sorted(source.iterdir()) if plain_name(path.name) == name]
    # A plain file goes before a packed one.
    return source / name if source / name in found else found[0]


def _write_plain(file: Path, target: Path) -> None:
    if file.suffix == ".parquet":
        _write_csv(file, target)
    elif file.suffix == ".zip":
        with zipfile.ZipFile(file) as archive:
            members = [name for name in archive.namelist() if Path(name).name == target.name]
            if len(members) != 1:
                raise DatasetError(f"{file} should hold one {target.name} but holds {len(members)}")
            with archive.open(members[0]) as stream:
                _copy(stream, target)
    elif file.suffix == ".gz":
        with gzip.open(file) as stream:
            _copy(stream, target)
    else:
        target.symlink_to(file.resolve())


def _copy(stream: IO[bytes] | gzip.GzipFile, target: Path) -> None:
    with target.open("wb") as plain:
        shutil.copyfileobj(stream, plain)


def _write_csv(file: Path, target: Path) -> None:
    table = parquet.ParquetFile(file)
    if not table.metadata.num_rows:
        raise DatasetError(f"{file} does not hold a row")
    # A batch at a time, so that no file is held whole.
    writer = None
    for batch in table.iter_batches():
        columns = [_plain_column(column) for column in batch.columns]
        plain = pyarrow.RecordBatch.from_arrays(columns, batch.schema.names)
        writer = writer or csv.CSVWriter(target, plain.schema)
        writer.write_batch(plain)
    if writer is not None:
        writer.close()


def _plain_column(column: pyarrow.Array) -> pyarrow.Array:
    """A column as CSV can hold it: times as seconds since 1970, lists joined by `|`."""
    if pyarrow.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pyarrow.types.is_timestamp(column.type):
        seconds = column.cast(pyarrow.timestamp("s", column.type.tz), safe=False)
        return seconds.cast(pyarrow.int64())
    if pyarrow.types.is_list(column.type) or pyarrow.types.is_large_list(column.type):
        return compute.binary_join(column.cast(pyarrow.list_(pyarrow.string())), "|")
    return column


@contextlib.contextmanager
def _made(target: Path) -> Iterator[Path]:
    """A folder to fill, which becomes `target` once it is whole."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".unfinished-", dir=target.parent) as unfinished:
        folder = Path(unfinished) / target.name
        folder.mkdir()
        yield folder
        folder.rename(target)


def _digest(files: Iterable[Path]) -> str:
    """Names, sizes and times of change, so that a changed file is unpacked again."""
    digest = hashlib.sha256()
    for file in files:
        stat = file.stat()
        digest.update(f"{file.resolve()}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:12]
