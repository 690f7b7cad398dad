"""The catalogue that a push adds to a version for applications: movies, users and their latest ratings."""

from typing import Final

# Below the folder of a version of `recommender` or `joint`. A SQLite database; model servers do not read it.
CATALOGUE_FILE: Final = "assets.extra/catalogue.sqlite"
# The latest ratings of each user that it holds.
HISTORY_LENGTH: Final = 50
# Between the genres of a movie.
GENRE_SEPARATOR: Final = "|"

# `position` orders movies by their number of ratings, the most rated first, and is the rowid of `titles`.
# `history` is a JSON list of [movie_id, stars], newest last. `stars` are the ratings that the data has.
CATALOGUE_TABLES: Final = """
create table movies (
  position integer primary key, movie_id text not null unique, title text not null, genres text not null,
  release_year integer, ratings integer not null, mean_stars real
);
create virtual table titles using fts5 (title, tokenize = "unicode61 remove_diacritics 2");
create table users (
  user_id text primary key, age real, gender text, occupation text, ratings integer not null,
  history text not null
) without rowid;
create table stars (stars real primary key) without rowid;
"""
