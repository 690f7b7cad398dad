"""Finds the folder of the data set to use. All rules of precedence are here.

1. `data_dir`, the `--data-dir` flag.
2. The environment variable MOVIELENS_DIR, where it holds the data set that is named, or none is named.
3. The data set that is named: fetched from GroupLens, or taken from the cache of an earlier fetch.
4. Nothing is named: None, which stands for the embedded synthetic sample.

Both folders in 1 and 2 are either a data set or hold data sets as subfolders (`ml-100k/`, ...). Files of a
data set that are packed, and a data set in one `.zip`, are written out as plain files first.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from contracts.artifacts import SYNTHETIC_MARKER
from movielens.csv_rows import check_encoding
from movielens.fetch import CHECKSUMS, cache_folder, fetch
from movielens.layouts import Layout, detect_layout, matching_layouts
from movielens.packed import is_packed, plain_name, unpack_archive, unpack_files
from movielens.records import DatasetError

MOVIELENS_DIR: Final = "MOVIELENS_DIR"

_LAYOUT_OF_NAME: Final = {"ml-100k": Layout.ML_100K, "ml-1m": Layout.ML_1M}


def locate(
    dataset: str | None,
    data_dir: Path | None,
    download: Callable[[str], Path] = fetch,
    unpack_below: Path | None = None,
) -> Path | None:
    """Returns the folder that holds the files of the data set, or None for the embedded sample.

    Args:
      dataset: A name of `movielens.fetch.CHECKSUMS`, or None.
      data_dir: A folder that is already there, or None.
      download: Fetches a data set by its name.
      unpack_below: Folder for plain files of what is packed; the cache folder if not given.

    Raises:
      DatasetError: The folder is missing, empty or no MovieLens data set, one of its files is empty or cut
        short, or the data set cannot be fetched.
    """
    if dataset is not None and dataset not in CHECKSUMS:
        raise DatasetError(f"there is no data set '{dataset}': choose one of {', '.join(CHECKSUMS)}")
    below = unpack_below or cache_folder() / "unpacked"
    if data_dir is not None:
        return _checked(_dataset_in(_opened(data_dir, below), dataset, "--data-dir"), below)
    if named := os.environ.get(MOVIELENS_DIR):
        folder = _opened(Path(named), below)
        if dataset is None or _holds(folder, dataset):
            return _checked(_dataset_in(folder, dataset, MOVIELENS_DIR), below)
    return None if dataset is None else _checked(download(dataset), below)


def dataset_label(folder: Path) -> str:
    """What reports call the data in `folder`: "synthetic sample", or the name of the folder."""
    return "synthetic sample" if (folder / SYNTHETIC_MARKER).exists() else folder.resolve().name


def _opened(folder: Path, below: Path) -> Path:
    """The folder itself, or what is in a `.zip` that is named or alone in the folder."""
    archive = folder if folder.suffix == ".zip" else None
    if archive is None and folder.is_dir() and not any(_is_dataset(path) for path in _with_parts(folder)):
        archives = sorted(folder.glob("*.zip"))
        archive = archives[0] if len(archives) == 1 else None
    return unpack_archive(archive, below) if archive is not None and archive.is_file() else folder


def _with_parts(folder: Path) -> list[Path]:
    return [folder, *folder.iterdir()]


def _dataset_in(folder: Path, dataset: str | None, named_by: str) -> Path:
    names = _names(folder, named_by)
    if not names or matching_layouts(names):
        layout = detect_layout(names, str(folder))
        if dataset is not None and not _fits(layout, dataset):
            raise DatasetError(
                f"{folder}, named by {named_by}, holds {layout.value} files and not {dataset}: "
                f"name the folder of {dataset}, or leave out the name of the data set"
            )
        return folder
    inside = sorted(path for path in folder.iterdir() if _is_dataset(path))
    if dataset is not None and (folder / dataset).is_dir():
        return folder / dataset
    if not inside:
        # The error of a data set that lacks a file names the file.
        damaged = [folder / name for name in CHECKSUMS if (folder / name).is_dir()]
        if len(damaged) == 1:
            return damaged[0]
        detect_layout(names, f"{folder}, named by {named_by},")
    found = ", ".join(path.name for path in inside)
    if dataset is not None:
        raise DatasetError(f"{folder}, named by {named_by}, holds {found} but not {dataset}")
    if len(inside) > 1:
        raise DatasetError(
            f"{folder}, named by {named_by}, holds several data sets ({found}): name the folder of "
            "one of them, or name the data set with --dataset"
        )
    return inside[0]


def _names(folder: Path, named_by: str) -> list[str]:
    try:
        return [plain_name(path.name) for path in folder.iterdir()]
    except FileNotFoundError:
        problem = "does not exist"
    except NotADirectoryError:
        problem = "is not a folder"
    except PermissionError:
        problem = "cannot be read"
    raise DatasetError(f"{folder}, named by {named_by}, {problem}: name a folder that holds MovieLens files")


def _checked(folder: Path, below: Path) -> Path:
    layout = detect_layout(_names(folder, "the data set"), str(folder))
    if is_packed(folder, layout.spec):
        folder = unpack_files(folder, layout.spec, below)
    for name in layout.spec.files:
        if not (folder / name).is_file():
            raise DatasetError(f"{folder / name} is not a file: take it as GroupLens publishes it")
        if (folder / name).stat().st_size == 0:
            raise DatasetError(f"{folder / name} is empty: take it as GroupLens publishes it")
        with (folder / name).open("rb") as stream:
            check_encoding(stream.read(4), str(folder / name))
        if not _ends_with_a_line(folder / name):
            raise DatasetError(
                f"{folder / name} is cut short, as no newline ends its last row: take it as GroupLens "
                "publishes it, or end that row if it is whole"
            )
    return folder


def _ends_with_a_line(file: Path) -> bool:
    with file.open("rb") as stream:
        stream.seek(-1, os.SEEK_END)
        return stream.read(1) == b"\n"


def _holds(folder: Path, dataset: str) -> bool:
    if _is_dataset(folder / dataset):
        return True
    # A folder that is a data set itself counts by its files; the CSV ones differ by their name alone.
    names = _names(folder, MOVIELENS_DIR)
    layouts = matching_layouts(names)
    return any(_fits(layout, dataset) for layout in layouts) and (
        dataset in _LAYOUT_OF_NAME or folder.resolve().name == dataset
    )


def _fits(layout: Layout, dataset: str) -> bool:
    return layout is _LAYOUT_OF_NAME.get(dataset, Layout.ML_CSV)


def _is_dataset(folder: Path) -> bool:
    try:
        return bool(matching_layouts([plain_name(path.name) for path in folder.iterdir()]))
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return False
