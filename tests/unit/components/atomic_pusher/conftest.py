"""Models to push."""

from pathlib import Path

import pytest

from tests.unit.components.atomic_pusher.tiny_models import TinyModel


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three SavedModels with different answers."""
    folder = tmp_path_factory.mktemp("models")
    return [TinyModel(seed).save(folder / str(seed)) for seed in range(3)]
