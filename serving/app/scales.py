"""What the data has: its scale of stars, and the genders and occupations of its users."""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import HTTPException

from contracts.features import GENDERS
from serving.app.catalogue import MovieCatalogue
from serving.app.visitors import NewProfile


def check_stars(catalogue: MovieCatalogue, stars: float, field: str = "stars") -> None:
    """Refuses stars that the data does not have.

    Args:
      catalogue: of the data.
      stars: a rating.
      field: what to call it.

    Raises:
      HTTPException: with 422.
    """
    if stars not in catalogue.stars:
        _refuse(field, f"{stars:g}", (f"{each:g}" for each in catalogue.stars))


def check_profile(catalogue: MovieCatalogue, profile: NewProfile) -> None:
    """Refuses a gender or an occupation that no user of the data can have.

    Raises:
      HTTPException: with 422.
    """
    if profile.gender is not None and profile.gender not in GENDERS:
        _refuse("gender", profile.gender, GENDERS)
    if profile.occupation is not None and profile.occupation not in catalogue.occupations:
        _refuse("occupation", profile.occupation, catalogue.occupations)


def _refuse(field: str, value: str, allowed: Iterable[str]) -> None:
    raise HTTPException(
        422, f"{field}: {value} is not one of the data's: {', '.join(allowed) or 'it has none'}"
    )
