from math import log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluation.ranked_ids import retrieval_by_user, slot_of

# One user each: movies rated, the ranked list, and by hand recall@10, recall@100, NDCG@10, reciprocal rank.
KNOWN = {
    "hits at 2 and 4 of three relevant": (
        ["a", "b", "c"],
        ["x", "a", "y", "b"],
        [2 / 3, 2 / 3, (1 / log2(3) + 1 / log2(5)) / (1 + 1 / log2(3) + 1 / 2), 1 / 2],
    ),
    "a perfect list": (["a", "b"], ["b", "a", "x"], [1, 1, 1, 1]),
    "no hit": (["a"], ["x", "y"], [0, 0, 0, 0]),
    "an empty list": (["a"], [], [0, 0, 0, 0]),
    "slot 10 counts for recall@10": (["a"], ["x"] * 9 + ["a"], [1, 1, 1 / log2(11), 1 / 10]),
    "slot 11 does not": (["a"], ["x"] * 10 + ["a"], [0, 1, 0, 1 / 11]),
    "slot 100 counts for recall@100": (["a"], ["x"] * 99 + ["a"], [0, 1, 0, 1 / 100]),
    "slot 101 counts for neither": (["a"], ["x"] * 100 + ["a"], [0, 0, 0, 1 / 101]),
    "a repeated id counts once and takes two slots": (
        ["a", "b"],
        ["a", "a", "b"],
        [1, 1, (1 + 1 / log2(4)) / (1 + 1 / log2(3)), 1],
    ),
    "an empty slot is a miss": (["a"], ["", "a"], [1, 1, 1 / log2(3), 1 / 2]),
    "twenty relevant: recall cannot reach 1, NDCG can": (
        [str(n) for n in range(20)],
        [str(n) for n in range(10)],
        [1 / 2, 1 / 2, 1, 1],
    ),
}


def measured(world: list[tuple[list[str], list[str]]]) -> np.ndarray:
    """[users, 4] metrics of users that each rated some movies and got a list; without NDCG@100."""
    user = [number for number, (relevant, _) in enumerate(world) for _ in relevant]
    slot = [
        slot_of(movie.encode(), [ranked_id.encode() for ranked_id in ranked])
        for relevant, ranked in world
        for movie in relevant
    ]
    return np.delete(retrieval_by_user(np.array(user), np.array(slot), (10, 100)), 3, axis=1)


@pytest.mark.parametrize("case", KNOWN)
def test_known_answer(case: str) -> None:
    relevant, ranked, expected = KNOWN[case]
    np.testing.assert_allclose(measured([(relevant, ranked)]), [expected])


def test_users_do_not_mix() -> None:
    cases = list(KNOWN.values())
    np.testing.assert_allclose(
        measured([(relevant, ranked) for relevant, ranked, _ in cases]), [expected for *_, expected in cases]
    )


def by_definition(relevant: set[str], ranked: list[str]) -> list[float]:
    hits = [movie in relevant and movie not in ranked[:i] for i, movie in enumerate(ranked)]
    perfect = [True] * len(relevant)

    def recall(k: int) -> float:
        return sum(hits[:k]) / len(relevant)

    def gain(hits: list[bool]) -> float:
        return sum(1 / log2(i + 2) for i, hit in enumerate(hits[:10]) if hit)

    reciprocal = next((1 / (i + 1) for i, hit in enumerate(hits) if hit), 0.0)
    return [recall(10), recall(100), gain(hits) / gain(perfect), reciprocal]


MOVIES = [str(n) for n in range(30)]
USERS = st.tuples(
    st.sets(st.sampled_from(MOVIES), min_size=1),
    st.lists(st.sampled_from([*MOVIES, "", "another"]), max_size=120),
)


@given(st.lists(USERS, min_size=1, max_size=5))
def test_as_by_definition(users: list[tuple[set[str], list[str]]]) -> None:
    np.testing.assert_allclose(
        measured([(sorted(relevant), ranked) for relevant, ranked in users]),
        [by_definition(relevant, ranked) for relevant, ranked in users],
    )


def test_each_length_has_its_own_recall_and_ndcg() -> None:
    # One user, two movies rated, in slots 1 and 3.
    measured = retrieval_by_user(np.array([0, 0]), np.array([1, 3]), (1, 2, 3))
    ideal = 1 + 1 / log2(3)
    np.testing.assert_allclose(measured, [[1 / 2, 1 / 2, 1, 1, 1 / ideal, (1 + 1 / log2(4)) / ideal, 1]])
