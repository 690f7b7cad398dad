"""Zip codes by known places, and a tile for each state."""

import pytest

from reports.eda.us_states import NAMES, TILES, state_of


@pytest.mark.parametrize(
    ("zip_code", "state"),
    [
        ("55455", "MN"),  # University of Minnesota
        ("94105", "CA"),  # San Francisco
        ("90210", "CA"),
        ("77005", "TX"),  # Houston
        ("73301", "TX"),  # Austin, amid Oklahoma's numbers
        ("88595", "TX"),  # El Paso, after New Mexico's
        ("00501", "NY"),  # Holtsville, the lowest code
        ("10001", "NY"),
        ("02139", "MA"),
        ("05501", "MA"),  # Andover, amid Vermont's
        ("20001", "DC"),
        ("20101", "VA"),  # Dulles, amid Washington's
        ("39901", "GA"),  # Atlanta, after Mississippi's
        ("99501", "AK"),
        ("96801", "HI"),
        ("82001", "WY"),
        ("83702", "ID"),
        ("06510", "CT"),
        ("00901", "PR"),
    ],
)
def test_known_places(zip_code: str, state: str) -> None:
    assert state_of(zip_code[:3]) == state


@pytest.mark.parametrize("prefix", ["", "1", "000", "098", "340", "962", "V1G", "T8H", "٣٣٣a", "1234"])
def test_no_state(prefix: str) -> None:
    """Not in use, military, Canadian, or not three digits."""
    assert state_of(prefix) is None


def test_every_state_and_the_district_has_a_tile_of_its_own() -> None:
    assert set(TILES) == set(NAMES) - {"PR", "GU"}
    assert len(TILES) == len(set(TILES.values())) == 51


def test_every_prefix_is_of_a_known_place() -> None:
    found = {state_of(f"{number:03}") for number in range(1000)}

    assert found - {None} == set(NAMES)
