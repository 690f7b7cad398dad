"""Synthetic ratings in each layout that MovieLens data sets come in."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterable
from datetime import datetime, timezone
from pathlib import Path

from movielens.layouts import ML_1M_OCCUPATIONS, Layout
from movielens.readers import parse_movies, parse_users
from movielens.records import Movie, User


def in_layout(layout: Layout, sample: Path, folder: Path) -> Path:
    """Writes the sample, which is in the 100k layout, into `folder` in another one; returns the folder."""
    if layout is Layout.ML_100K:
        shutil.copytree(sample, folder)
        _write_fold(folder)
        return folder
    folder.mkdir(parents=True)
    ratings = [line.split("\t") for line in (sample / "u.data").read_text().splitlines()]
    lines = (sample / "u.item").read_bytes().splitlines()
    movies = [found for _, found in parse_movies(lines, Layout.ML_100K, "u.item") if isinstance(found, Movie)]
    catalogue = [[movie.movie_id, movie.title, "|".join(movie.genres)] for movie in movies]
    spec = layout.spec
    if layout is Layout.KAGGLE:
        ratings = [
            [*row[:3], f"{datetime.fromtimestamp(int(row[3]), timezone.utc):%F %T}"] for row in ratings
        ]
    if spec.separator == ",":
        _write_csv(folder / spec.ratings_file, ["userId", "movieId", "rating", "timestamp"], ratings)
        _write_csv(folder / spec.movies_file, ["movieId", "title", "genres"], catalogue)
        return folder
    _write_dat(folder / spec.ratings_file, ratings)
    _write_dat(folder / spec.movies_file, catalogue)
    if spec.companion_file:
        (folder / spec.companion_file).touch()
    if spec.users_file:
        _write_dat(folder / spec.users_file, _users_of_1m(sample))
    return folder


def _write_fold(folder: Path) -> None:
    """The first official fold: every fifth rating is tested on."""
    lines = (folder / "u.data").read_bytes().splitlines(keepends=True)
    (folder / "u1.test").write_bytes(b"".join(lines[::5]))
    train = [line for place, line in enumerate(lines) if place % 5]
    (folder / "u1.base").write_bytes(b"".join(train))


def _users_of_1m(sample: Path) -> list[list[str]]:
    lines = (sample / "u.user").read_bytes().splitlines()
    users = [found for _, found in parse_users(lines, Layout.ML_100K, "u.user") if isinstance(found, User)]
    codes = {name: str(code) for code, name in enumerate(ML_1M_OCCUPATIONS)}
    return [
        [
            user.user_id,
            user.gender[0],
            f"{user.bucketized_age or 1:g}",
            codes.get(user.occupation, "0"),
            zip_code,
        ]
        for user in users
        for zip_code in [user.zip_code or "00000"]
    ]


def _write_csv(path: Path, header: list[str], rows: Iterable[list[str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream, lineterminator="\n").writerows([header, *rows])


def _write_dat(path: Path, rows: Iterable[list[str]]) -> None:
    path.write_text("".join("::".join(row) + "\n" for row in rows), "latin-1")
