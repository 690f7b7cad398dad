"""Downloads a MovieLens data set from GroupLens, checked against its published checksum.

https://grouplens.org/datasets/movielens/. A data set appears in the target folder whole or not at all.
"""

import logging
import re
import shutil
import tempfile
from pathlib import Path
from typing import Final

import pooch
import requests
from tqdm import tqdm

from movielens.archive import unpack
from movielens.layouts import detect_layout
from movielens.records import DatasetError

GROUPLENS: Final = "https://files.grouplens.org/datasets/movielens/"

# The MD5 sums that GroupLens publishes as `<name>.zip.md5`. Data sets without one here change over the
# years, so theirs is downloaded with the archive.
CHECKSUMS: Final[dict[str, str | None]] = {
    "ml-100k": "0e33842e24a9c977be4e0107933c0723",
    "ml-1m": "c4d9eecfca2ab87c1945afe126590906",
    "ml-latest-small": None,
    "ml-20m": "cd245b17a1ae2cc31bb14903e1204af3",
    "ml-25m": "6b51fb2759a8657d3bfcbfc42b592ada",
    "ml-32m": "d472be332d4daa821edc399621853b57",
}

# For messages: what to do where there is no network.
OTHER_WAYS: Final = (
    "without network, name a folder that already holds the data with --data-dir DIR or with the environment "
    "variable MOVIELENS_DIR, or name no data set and use the embedded synthetic sample"
)

_MD5: Final = re.compile(r"\b[0-9a-fA-F]{32}\b")
_TIMEOUT_SECONDS: Final = 30


def cache_folder() -> Path:
    """The default folder of downloads: the user's cache folder of the operating system."""
    return Path(pooch.os_cache("movielens-recommender"))


def fetch(
    name: str,
    to: Path | None = None,
    base_url: str = GROUPLENS,
    checksum: str | None = None,
    attempts: int = 3,
    progress: bool = True,
) -> Path:
    """Downloads and unpacks a data set, unless it is there already.

    An interrupted download starts again, up to `attempts` times in one call; a complete archive that was
    not unpacked is used as it is.

    Args:
      name: One of `CHECKSUMS`.
      to: Folder in which `<name>/` is made; the cache folder if not given.
      base_url: Address of the folder that holds `<name>.zip`, with a slash at its end.
      checksum: MD5 of the archive, in place of the published one.
      attempts: How often to try.
      progress: Whether to show a bar, if standard error is a terminal.

    Returns:
      The folder `<to>/<name>`.

    Raises:
      DatasetError: The name is unknown, there is no network, the archive is not what was published, or the
        folder cannot be written.
    """
    if name not in CHECKSUMS:
        raise DatasetError(f"there is no data set '{name}': choose one of {', '.join(CHECKSUMS)}")
    parent = cache_folder() if to is None else to
    target = parent / name
    if target.exists():
        _check_whole(target)
        return target
    try:
        parent.mkdir(parents=True, exist_ok=True)
        archive = _download(name, parent, base_url, checksum or CHECKSUMS[name], attempts, progress)
        _unpack_whole(archive, target)
        archive.unlink()
    except requests.RequestException as error:
        raise DatasetError(
            f"cannot download {base_url}{name}.zip ({_reason(error)}): {OTHER_WAYS}"
        ) from error
    except OSError as error:
        raise DatasetError(f"cannot write {target}: {error.strerror or error}") from error
    return target


def _check_whole(target: Path) -> None:
    names = [path.name for path in target.iterdir()] if target.is_dir() else []
    try:
        detect_layout(names, str(target))
    except DatasetError as error:
        raise DatasetError(f"{error}; or remove {target} to have it fetched again") from error


def _download(
    name: str, parent: Path, base_url: str, checksum: str | None, attempts: int, progress: bool
) -> Path:
    file = f"{name}.zip"
    md5 = checksum or _published_checksum(base_url + file)
    # Its log lines would mix with the progress bar and our own messages.
    pooch.get_logger().setLevel(logging.WARNING)
    store = pooch.create(parent, base_url, registry={file: f"md5:{md5}"}, retry_if_failed=attempts - 1)
    # `disable=None` keeps the bar off where nobody watches. Pooch puts in the real total; a bar without
    # one does not have a truth value, which pooch tests.
    bar = tqdm(desc=name, total=1, unit="B", unit_scale=True, ncols=79, disable=None if progress else True)
    downloader = pooch.HTTPDownloader(progressbar=bar, timeout=_TIMEOUT_SECONDS)
    try:
        return Path(store.fetch(file, downloader=downloader))
    except ValueError as error:
        # Requests' own errors about an address are ValueErrors too.
        if isinstance(error, requests.RequestException):
            raise
        (parent / file).unlink(missing_ok=True)
        raise DatasetError(
            f"what came from {base_url}{file} was cut short or changed, as its checksum is not the one that "
            f"GroupLens publishes (md5 {md5}); it was removed: try again, or name a folder "
            "that already holds the data with --data-dir DIR or the environment variable MOVIELENS_DIR"
        ) from error
    finally:
        bar.close()


def _published_checksum(url: str) -> str:
    response = requests.get(f"{url}.md5", timeout=_TIMEOUT_SECONDS)
    response.raise_for_status()
    # Either "MD5 (ml-25m.zip) = 6b51..." or "6b51...  ml-25m.zip".
    found = _MD5.search(response.text)
    if found is None:
        raise DatasetError(f"{url}.md5 does not hold an MD5 sum, so {url} cannot be checked: {OTHER_WAYS}")
    return found.group().lower()


def _unpack_whole(archive: Path, target: Path) -> None:
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as unfinished:
        unpack(archive, Path(unfinished))
        folder = Path(unfinished) / target.name
        names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
        detect_layout(names, f"the folder {target.name} of {archive.name}")
        try:
            folder.rename(target)
        except OSError:
            # Someone else may have fetched the same data set in the meantime.
            if not target.is_dir():
                raise
            shutil.rmtree(folder)


def _reason(error: requests.RequestException) -> str:
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the server answered {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.exceptions.SSLError):
        return "the server's certificate was not accepted"
    if isinstance(error, requests.Timeout):
        return f"no answer within {_TIMEOUT_SECONDS} seconds"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke off"
    return "no connection"
