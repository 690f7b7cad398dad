"""The documents of the JSON API."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from serving.app.catalogue import CatalogueMovie, CatalogueUser
from serving.app.film_lists import FilmList, ListEntry, Source
from serving.app.visitors import MOST_HIDDEN, MOST_RATINGS
from serving.feedback.events import Numeral


class MovieDocument(BaseModel):
    """A movie of the catalogue; `mean_stars` is null without a rating."""

    movie_id: str
    title: str
    name: str = Field(description="The title as people write it.")
    genres: list[str]
    year: int | None
    ratings: int
    mean_stars: float | None

    @classmethod
    def of(cls, movie: CatalogueMovie) -> MovieDocument:
        """The document of a movie."""
        return cls(
            movie_id=movie.movie_id,
            title=movie.title,
            name=movie.name,
            genres=list(movie.genres),
            year=movie.year,
            ratings=movie.ratings,
            mean_stars=movie.mean_stars,
        )


class NearDocument(BaseModel):
    """A watched movie that is near a movie of the list."""

    movie_id: str
    name: str
    stars: float
    score: float


class EntryDocument(BaseModel):
    """A movie of a list, and why it is there."""

    place: int = Field(description="In the whole list, from 1.")
    movie: MovieDocument
    predicted_stars: float | None
    retrieval_place: int | None = Field(description="Where the first stage placed it, from 1.")
    near: list[NearDocument]

    @classmethod
    def of(cls, entry: ListEntry) -> EntryDocument:
        """The document of an entry."""
        near = [
            NearDocument(
                movie_id=each.movie.movie_id, name=each.movie.name, stars=each.stars, score=each.score
            )
            for each in entry.near
        ]
        return cls(
            place=entry.place,
            movie=MovieDocument.of(entry.movie),
            predicted_stars=entry.stars,
            retrieval_place=entry.retrieval_place,
            near=near,
        )


class ListDocument(BaseModel):
    """A part of a list; `source` says what made it, and `notice` what is missing."""

    source: Source
    version: int | None
    variant: str | None
    notice: str | None
    total: int
    entries: list[EntryDocument]

    @classmethod
    def of(cls, shown: FilmList) -> ListDocument:
        """The document of a list."""
        return cls(
            source=shown.source,
            version=shown.version,
            variant=shown.variant,
            notice=shown.notice,
            total=shown.total,
            entries=[EntryDocument.of(entry) for entry in shown.entries],
        )


class MoviesDocument(BaseModel):
    """A part of the movies that were searched for."""

    total: int
    movies: list[MovieDocument]


class RatedDocument(BaseModel):
    """A rating of a user's history."""

    movie: MovieDocument
    stars: float


class UserDocument(BaseModel):
    """A user of the data."""

    user_id: str
    age: float | None
    gender: str | None
    occupation: str | None
    ratings: int

    @classmethod
    def of(cls, user: CatalogueUser) -> UserDocument:
        """The document of a user."""
        return cls(
            user_id=user.user_id,
            age=user.age,
            gender=user.gender,
            occupation=user.occupation,
            ratings=user.ratings,
        )


class UsersDocument(BaseModel):
    """Some of the users of the data."""

    total: int
    users: list[UserDocument]


class HistoryDocument(BaseModel):
    """The latest ratings of a user, newest first."""

    user: UserDocument
    history: list[RatedDocument]


class GivenRating(BaseModel):
    """A movie and what somebody gave it."""

    model_config = ConfigDict(extra="forbid")

    movie_id: Numeral
    stars: float = Field(ge=0, le=10, strict=True, description="On the scale of the data.")


class PersonDocument(BaseModel):
    """Somebody who may not be in the data; everything is optional.

    Gender and occupation are those of the data. Movies that the catalogue does not have are ignored.
    """

    model_config = ConfigDict(extra="forbid")

    age: Annotated[float, Field(ge=1, le=120, strict=True)] | None = None
    gender: Annotated[str, Field(max_length=20)] | None = None
    occupation: Annotated[str, Field(max_length=60)] | None = None
    ratings: list[GivenRating] = Field(default=[], max_length=MOST_RATINGS, description="Newest last.")
    not_interested: list[Numeral] = Field(default=[], max_length=MOST_HIDDEN)


class WrittenDocument(BaseModel):
    """What became of an event: `written` is false if it was there already."""

    event_id: str
    written: bool


class ModelDocument(BaseModel):
    """A model of the server: its versions that are available, and metrics of the newest that was pushed."""

    model: str
    available: list[int]
    measured_on: str
    metrics: dict[str, float]


class StatusDocument(BaseModel):
    """What is served."""

    model_server: str = Field(description="`up`, or why it does not answer.")
    catalogue_version: int
    variants: list[str]
    models: list[ModelDocument]
