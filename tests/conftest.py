"""Fixtures that every kind of test shares."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def ml_100k() -> Path:
    """The folder of the real ML-100k, from MOVIELENS_DIR: that folder itself or one that holds it."""
    named = os.environ.get("MOVIELENS_DIR", "")
    if named:
        for folder in (Path(named), Path(named) / "ml-100k"):
            if (folder / "u.data").is_file():
                return folder
    pytest.skip("needs the real ML-100k: set MOVIELENS_DIR to the folder that holds ml-100k/")
