"""What the routes of one application share, and the two things that they write."""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass
from typing import Final

from fastapi import Request

from serving.app.catalogue import CatalogueMovie
from serving.app.film_lists import FilmList, FilmLists
from serving.app.metrics import AppMetrics
from serving.app.model_calls import ModelCalls
from serving.app.published import PublishedModels
from serving.app.settings import AppSettings
from serving.app.variants import Variants
from serving.feedback import FeedbackError, FeedbackWriter, ImpressionEvent, RatedMovie, RatingEvent

_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True)
class Services:
    """The parts of one application."""

    settings: AppSettings
    published: PublishedModels
    calls: ModelCalls
    lists: FilmLists
    variants: Variants
    metrics: AppMetrics
    feedback: FeedbackWriter

    def rate(self, event: RatingEvent, movie: CatalogueMovie) -> bool:
        """Writes a rating; returns False if its event is there already.

        Raises:
          FeedbackError: the stars are not on the scale, or the disk refuses.
        """
        genres = movie.genres or ("(no genres listed)",)
        rated = RatedMovie(movie_id=movie.movie_id, title=movie.title, genres=genres)
        added = self.feedback.rate(event, rated)
        if added:
            label = self.variants.counted_for(event.user_id)
            self.variants.count(self.variants.ratings, label)
            self.metrics.ratings.labels(label or "").inc()
        return added

    def show(self, name: str, user_id: str, shown: FilmList, offset: int = 0) -> None:
        """Writes what was shown. A list is worth more than its record, so a failure is logged and no more."""
        if not shown.entries:
            return
        self.variants.count(self.variants.lists, shown.variant)
        self.metrics.lists.labels(name, shown.variant or "").inc()
        event = ImpressionEvent(
            event_id=secrets.token_urlsafe(15),
            user_id=user_id,
            movie_ids=tuple(entry.movie.movie_id for entry in shown.entries),
            first_position=offset + 1,
            list_name=name,
            version=str(shown.version or ""),
            variant=shown.variant or "",
        )
        try:
            self.feedback.show(event)
        except FeedbackError as error:
            _LOG.error("impressions were not written", extra={"fields": {"error": str(error)}})


def services_of(request: Request) -> Services:
    """The parts of the application that a request is for."""
    services: Services = request.app.state.services
    return services
