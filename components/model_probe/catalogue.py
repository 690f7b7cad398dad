"""Whether the index holds every movie of the `movies` Examples, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from components.data_gate.checks import Check, at_most
from components.model_probe.answers import shown
from components.model_probe.probe_data import ProbeData
from components.model_probe.probed_process import Arrays
from components.model_probe.requests import Request, Requests
from contracts import features, signatures

CATALOGUE: Final = "catalogue"
# Signatures that list the whole catalogue if `k` is large enough, by their inputs.
_OF_USERS: Final = frozenset({features.USER_ID, signatures.EXCLUDE_MOVIE_IDS, signatures.K})
_OF_MOVIES: Final = frozenset({features.MOVIE_ID, signatures.K})

# Users whose lists are requested until no movie is left that all of them have rated.
_MOST_USERS: Final = 16
_NAMED: Final = 5

Send = Callable[[Request], Arrays]


def catalogue_checks(
    signature: str, inputs: Iterable[str], requests: Requests, data: ProbeData, send: Send
) -> list[Check]:
    """What a signature lists if `k` is larger than the catalogue.

    Args:
      signature: its name.
      inputs: names of its inputs; nothing is checked where they cannot request the whole catalogue, and
        where a request may not ask for so long a list.
      requests: makes the requests.
      data: the catalogue, and what users have rated and need not find again.
      send: sends a request to the signature.
    """
    names, k = frozenset(inputs), len(data.movies) + _NAMED
    if k > signatures.MAX_SLOTS:
        return []
    if names == _OF_USERS:
        found, looked_for = _listed(
            ((requests.for_user(user, k), data.rated[user]) for user in _first_users(data.rated)), data, send
        )
        unknown = b"no such user"
        popular, _ = _listed([(requests.for_user(unknown, k), frozenset())], data, send)
        return [
            *_compared(signature, found, looked_for, data, "lists of known users"),
            *_compared(signature, popular, frozenset(data.movies), data, "list of an unknown user"),
        ]
    if names == _OF_MOVIES:
        two_movies = list(data.movies)[:2]
        found, looked_for = _listed(
            ((requests.for_movie(movie, k), frozenset({movie})) for movie in two_movies), data, send
        )
        return _compared(signature, found, looked_for, data, "lists of two movies")
    return []


def _first_users(rated: Mapping[bytes, frozenset[bytes]]) -> list[bytes]:
    """The users who have rated least, whose lists are the longest."""
    return sorted(rated, key=lambda user: (len(rated[user]), user))[:_MOST_USERS]


def _listed(
    requests: Iterable[tuple[Request, frozenset[bytes]]], data: ProbeData, send: Send
) -> tuple[set[bytes], frozenset[bytes]]:
    """What is in the lists together, and which movies some list had to hold."""
    everything = frozenset(data.movies)
    found: set[bytes] = set()
    looked_for: frozenset[bytes] = frozenset()
    for request, need_not in requests:
        found.update(send(request)[features.MOVIE_ID].ravel().tolist())
        looked_for |= everything - need_not
        if looked_for == everything:
            break
    return found - {b""}, looked_for


def _compared(
    signature: str, found: set[bytes], looked_for: frozenset[bytes], data: ProbeData, where: str
) -> list[Check]:
    missing, strange = looked_for - found, found - data.movies.keys()
    return [
        at_most(CATALOGUE, signature, measure, len(ids), 0, where, _named(ids, whole))
        for measure, ids, whole in (
            ("movies missing", missing, len(looked_for)),
            ("movies that the catalogue does not hold", strange, len(found)),
        )
    ]


def _named(ids: Iterable[bytes], whole: int) -> str:
    some = sorted(ids, key=lambda movie: (len(movie), movie))
    if not some:
        return f"of {whole:,}"
    return f"of {whole:,}, such as {', '.join(map(shown, some[:_NAMED]))}"
