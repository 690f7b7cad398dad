"""Names of the pusher's inputs: some there are of each servable, the others are of the run."""

from typing import Final

MODEL: Final = "model"
MODEL_BLESSING: Final = "model_blessing"
INFRA_BLESSING: Final = "infra_blessing"
EVALUATION: Final = "evaluation"
SERVED_MODEL: Final = "served_model"

RATINGS_KEY: Final = "ratings"
MOVIES_KEY: Final = "movies"
SCHEMA_KEY: Final = "schema"


def input_key(servable: str, kind: str) -> str:
    """The name of an input about one servable."""
    return f"{servable}_{kind}"
