"""The text of the synthetic sample: titles with a hint of the genre, zip codes, and the mess of real files.

Of a hundred titles, some have a comma, quotation marks, accents or spaces around them, one lacks a year,
and some movies share a title; of a hundred zip codes, two are Canadian or too long.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np

from movielens.layouts import ML_100K_GENRES
from movielens.world import OCCUPATIONS, PlantedWorld

_FIRST_WORDS: Final = """
    Silent Last Golden Broken Hidden Crimson Lonely Wild Northern Distant Second Burning Paper Velvet Quiet
    Restless Forgotten Electric Hollow Endless Silver Borrowed Secret Sleepless Winter Amber Perfect Crooked
    Little Great Été Señor Grüner Café Château Niña
"""
_GENRE_WORDS: Final = {
    "Unknown": "Reel Fragment Untitled",
    "Action": "Strike Vengeance Convoy Impact Fuse Pursuit",
    "Adventure": "Voyage Expedition Island Compass Treasure River",
    "Animation": "Mouse Kite Lantern Toadstool Robin Pencil",
    "Children": "Puppy Treehouse Circus Pony Playground Holiday",
    "Comedy": "Wedding Neighbor Roommate Mixup Vacation Butler",
    "Crime": "Heist Witness Alibi Informant Verdict Getaway",
    "Documentary": "Portrait Harvest Archive Strike Summit Orchestra",
    "Drama": "Daughter Letters Harbor Confession Orchard Promise",
    "Fantasy": "Wizard Unicorn Mirror Enchantment Crown Griffin",
    "Film-Noir": "Shadow Blonde Alley Cigarette Stranger Detour",
    "Horror": "Crypt Haunting Cellar Scream Coven Fangs",
    "Musical": "Serenade Chorus Ballroom Melody Rhapsody Encore",
    "Mystery": "Riddle Cipher Manor Clue Disappearance Locket",
    "Romance": "Kiss Valentine Embrace Sweetheart Moonlight Bouquet",
    "Sci-Fi": "Android Orbit Nebula Colony Paradox Starship",
    "Thriller": "Hostage Deadline Obsession Ransom Conspiracy Pulse",
    "War": "Battalion Trench Armistice Sergeant Bunker Front",
    "Western": "Saloon Canyon Marshal Stampede Prairie Spurs",
}

_PLACES: Final = (
    "Lisbon Duluth Kyoto Bergen Tucson Montréal Córdoba Zürich Naples Cork Dakar Quito Oslo Boise"
)

# Shares of the US states' zip areas by their first digit; 9 is the West Coast.
_ZIP_AREAS: Final = (10, 11, 9, 8, 8, 12, 8, 9, 6, 19)
_CANADIAN_LETTERS: Final = "ABCEGHJKLMNPRSTVXY"

_TITLES_STREAM, _ZIP_STREAM = 2, 3
_FIRST_YEAR_OF_RATINGS: Final = 1996


def movie_lines(world: PlantedWorld) -> Iterator[str]:
    """Yields the lines of u.item, without newlines."""
    random = world.spec.random(_TITLES_STREAM)
    previous = ""
    for index, flags in enumerate(world.genres):
        arrival = int(world.arrival_month[index])
        year = _FIRST_YEAR_OF_RATINGS + arrival // 12 if arrival else int(1996 - random.exponential(12)) - 1
        year = max(year, 1925)
        genres = [ML_100K_GENRES[genre] for genre in np.flatnonzero(flags)]
        name = _name(genres[int(random.integers(len(genres)))], random)
        mess = random.random()
        # The mess is dealt out by position too, so that the smallest sample has some of each kind.
        if index % 97 == 7:
            title = previous
        elif index % 97 == 17:
            title = name
        elif index % 97 == 27:
            title = f"  {name} ({year}) "
        elif mess < 0.03:
            title = f'"{name}" ({year})'
        elif mess < 0.10 and name.startswith("The "):
            title = f"{name[4:]}, The ({year})"
        else:
            title = f"{name} ({year})"
        previous = title
        date = "" if random.random() < 0.005 else f"01-Jan-{year}"
        yield "|".join([str(index + 1), title, date, "", "", *(str(int(flag)) for flag in flags)])


def user_lines(world: PlantedWorld) -> Iterator[str]:
    """Yields the lines of u.user, without newlines."""
    random = world.spec.random(_ZIP_STREAM)
    names = list(OCCUPATIONS)
    areas = random.choice(10, world.spec.users, p=np.array(_ZIP_AREAS) / sum(_ZIP_AREAS))
    numbers = random.integers(1, 10_000, world.spec.users)
    for index in range(world.spec.users):
        zip_code = f"{areas[index]}{numbers[index]:04d}"
        if index % 100 == 42:
            letters = random.choice(list(_CANADIAN_LETTERS), 3)
            zip_code = f"{letters[0]}{index % 10}{letters[1]}{areas[index]}{letters[2]}"
        elif index % 100 == 77:
            zip_code = f"{zip_code}-{numbers[index]:04d}"
        gender = "FM"[world.gender[index]]
        yield f"{index + 1}|{world.age[index]}|{gender}|{names[world.occupation[index]]}|{zip_code}"


def _name(genre: str, random: np.random.Generator) -> str:
    noun = _draw(_GENRE_WORDS[genre], random)
    first = _draw(_FIRST_WORDS, random)
    pattern = random.random()
    if pattern < 0.35:
        return f"The {first} {noun}"
    if pattern < 0.6:
        return f"{first} {noun}"
    place = _draw(_PLACES, random)
    return f"{noun} in {place}" if pattern < 0.8 else f"The {noun} of {place}"


def _draw(words: str, random: np.random.Generator) -> str:
    choices = words.split()
    return choices[int(random.integers(len(choices)))]
