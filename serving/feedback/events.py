"""The events that are accepted: their fields and what each may hold."""

from __future__ import annotations

import hashlib
import time
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

# MovieLens identifies users and movies by numerals; they fit 64 bits.
NUMERAL: Final = r"^[0-9]{1,18}$"
Numeral = Annotated[str, Field(pattern=NUMERAL)]
EventId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,64}$")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{0,40}$")]
# No list that is shown is longer.
MOST_SHOWN: Final = 200
# How far the clock of whoever sends an event may be ahead of this one's.
MOST_SECONDS_AHEAD: Final = 300


def _now() -> int:
    return int(time.time())


def _not_ahead(timestamp: int) -> int:
    if timestamp > _now() + MOST_SECONDS_AHEAD:
        raise ValueError(
            f"{timestamp} is more than {MOST_SECONDS_AHEAD} seconds ahead of the clock:"
            " give UTC seconds, or nothing for now"
        )
    return timestamp


Timestamp = Annotated[int, Field(ge=0, lt=10**11), AfterValidator(_not_ahead)]


class FeedbackError(ValueError):
    """An event or a folder of feedback that cannot be used; one line with what to do."""


class FeedbackConflictError(FeedbackError):
    """An event has the id of one that was written before and has another content."""


class RatedMovie(BaseModel):
    """A movie as a data set names it: an event's folder has a row for each."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    movie_id: Numeral
    title: str = Field(min_length=1, max_length=500)
    genres: tuple[str, ...]


class _Event(BaseModel):
    """What all kinds of events have.

    Attributes:
      event_id: chosen by whoever sends it, and the same whenever it is sent again; unique among its kind.
      timestamp: UTC seconds; now, unless it is given.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    event_id: EventId
    timestamp: Timestamp = Field(default_factory=_now)

    def content(self) -> bytes:
        """A digest of all but id and time: two events with one id and one digest are the same."""
        content = self.model_dump_json(exclude={"event_id", "timestamp"}, exclude_defaults=True)
        return hashlib.sha256(content.encode()).digest()


class RatingEvent(_Event):
    """One rating.

    Attributes:
      user_id: the user, a numeral.
      movie_id: the movie, a numeral.
      stars: the rating.
    """

    user_id: Numeral
    movie_id: Numeral
    stars: float = Field(ge=0, le=10, strict=True)


class ImpressionEvent(_Event):
    """One list that was shown, from its first movie on.

    Attributes:
      user_id: who saw it.
      movie_ids: what was shown, in its order.
      first_position: the place of the first of them in the whole list, from 1.
      list_name: which list, such as `for-you`.
      version: the version of the model that made it, "" if none did.
      variant: the variant of a comparison, "" if there is none.
    """

    user_id: Numeral
    movie_ids: tuple[Numeral, ...] = Field(min_length=1, max_length=MOST_SHOWN)
    first_position: int = Field(default=1, ge=1, le=10**6)
    list_name: Name
    version: Name = ""
    variant: Name = ""
