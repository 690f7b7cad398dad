"""Who looks at the pages: a user of the data or a new one, with what they did in this session."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from serving.app.catalogue import CatalogueUser

# A session is a signed cookie, so it is bounded: the oldest rating goes when there are more.
MOST_RATINGS: Final = 60
MOST_HIDDEN: Final = 60
# Ids of new users: numerals that no MovieLens data set comes near, and that fit 64 bits.
_FIRST_NEW_USER: Final = 10**17


@dataclass(frozen=True)
class NewProfile:
    """What a new user said; all of it is optional."""

    age: float | None = None
    gender: str | None = None
    occupation: str | None = None

    def __bool__(self) -> bool:
        return any(each is not None for each in (self.age, self.gender, self.occupation))


@dataclass(frozen=True)
class Visitor:
    """Somebody who wants a list.

    Attributes:
      user_id: a user of the data, or the number of a new one.
      known: whether it is a user of the data.
      profile: of a new user.
      ratings: stars by movie that were given in this session, newest last.
      hidden: movies that they are not interested in.
      changes: how many ratings of this session were not what the film had before.
    """

    user_id: str
    known: bool = False
    profile: NewProfile = NewProfile()
    ratings: Mapping[str, float] = field(default_factory=dict)
    hidden: tuple[str, ...] = ()
    changes: int = 0

    def rated(self, movie_id: str, stars: float) -> Visitor:
        """The visitor after a rating."""
        kept = {movie: given for movie, given in self.ratings.items() if movie != movie_id}
        newest = [*kept.items(), (movie_id, stars)][-MOST_RATINGS:]
        changes = self.changes + (self.ratings.get(movie_id) != stars)
        return replace(self, ratings=dict(newest), changes=changes)

    def hiding(self, movie_id: str, *, hidden: bool = True) -> Visitor:
        """The visitor who is not, or is again, interested in a movie."""
        kept = [each for each in self.hidden if each != movie_id]
        return replace(self, hidden=tuple([*kept, *([movie_id] if hidden else [])][-MOST_HIDDEN:]))

    def session(self) -> dict[str, Any]:
        """What the cookie holds."""
        return {
            "user": self.user_id,
            "known": self.known,
            "profile": [self.profile.age, self.profile.gender, self.profile.occupation],
            "ratings": list(self.ratings.items()),
            "hidden": list(self.hidden),
            "changes": self.changes,
        }


def new_visitor(profile: NewProfile = NewProfile()) -> Visitor:
    """A new user with a number of their own."""
    return Visitor(str(_FIRST_NEW_USER + secrets.randbelow(8 * _FIRST_NEW_USER)), profile=profile)


def known_visitor(user: CatalogueUser) -> Visitor:
    """A user of the data."""
    return Visitor(user.user_id, known=True)


def visitor_of(session: Mapping[str, Any]) -> Visitor | None:
    """The visitor of a cookie, which the signature vouches for; None if there is none yet."""
    if "user" not in session:
        return None
    return Visitor(
        session["user"],
        session["known"],
        NewProfile(*session["profile"]),
        dict(session["ratings"]),
        tuple(session["hidden"]),
        session.get("changes", 0),
    )
