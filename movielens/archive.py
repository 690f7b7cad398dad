"""Unpacks a zip file into a folder, refusing members that would land anywhere else."""

import stat
import zipfile
from pathlib import Path, PurePosixPath, PureWindowsPath

from movielens.records import DatasetError


def unpack(archive: Path, folder: Path) -> None:
    """Extracts `archive` into `folder`. Every member is checked before the first is written.

    Raises:
      DatasetError: This is not a zip file, or it is damaged, or a member is a link or leads out of `folder`.
    """
    try:
        with zipfile.ZipFile(archive) as members:
            for member in members.infolist():
                _refuse_escape(member, archive)
            members.extractall(folder)
    except (zipfile.BadZipFile, EOFError) as error:
        raise DatasetError(
            f"{archive} is not a whole zip file ({error}): remove it and fetch it again"
        ) from error


def _refuse_escape(member: zipfile.ZipInfo, archive: Path) -> None:
    # A Windows path is looked at as well: zip files can hold backslashes and drive letters.
    name, windows = PurePosixPath(member.filename), PureWindowsPath(member.filename)
    if name.is_absolute() or windows.anchor or ".." in name.parts or ".." in windows.parts:
        raise DatasetError(
            f"{archive} was not unpacked: its member '{member.filename}' leads out of the folder"
        )
    if stat.S_ISLNK(member.external_attr >> 16):
        raise DatasetError(f"{archive} was not unpacked: its member '{member.filename}' is a symbolic link")
