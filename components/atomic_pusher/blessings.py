"""Whether the servables of a run may be pushed: every blessing that the pipeline requires."""

from collections.abc import Mapping, Sequence

from tfx import types
from tfx.components.util import model_utils

from components.atomic_pusher.channels import INFRA_BLESSING, MODEL_BLESSING, input_key
from contracts.artifacts import REFUSAL_REASON


def withheld(
    inputs: Mapping[str, list[types.Artifact]], wired: Mapping[str, Sequence[str]]
) -> dict[str, str]:
    """Why servables are not to be pushed, by servable; empty if all may be.

    Args:
      inputs: artifacts by input.
      wired: by servable, the blessings that the component was given. One of them without an artifact, as
        an optional input can be, is not a blessing.
    """
    found = {name: _withheld(inputs, name, kinds) for name, kinds in wired.items()}
    return {name: why for name, why in found.items() if why}


def _withheld(inputs: Mapping[str, list[types.Artifact]], servable: str, kinds: Sequence[str]) -> str:
    reasons = []
    for kind in kinds:
        [blessing] = inputs.get(input_key(servable, kind)) or [None]
        if blessing is None:
            reasons.append(f"there is no {kind} of its model")
        elif kind == MODEL_BLESSING and not model_utils.is_model_blessed(blessing):
            reasons.append("its model was not blessed (see its evaluator)")
        elif kind == INFRA_BLESSING and not model_utils.is_infra_validated(blessing):
            why = blessing.get_string_custom_property(REFUSAL_REASON)
            reasons.append(
                f"the probe refused its model: {why}" if why else "the probe did not bless its model"
            )
    return ", and ".join(reasons)
