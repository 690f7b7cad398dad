"""The curated schemas: what Examples must look like, whatever today's data looks like."""

from pathlib import Path
from typing import Final

RATINGS_SCHEMA: Final = Path(__file__).with_name("ratings.pbtxt")
MOVIES_SCHEMA: Final = Path(__file__).with_name("movies.pbtxt")
