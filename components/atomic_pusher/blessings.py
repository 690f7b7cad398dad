"""Whether a model may be pushed: every blessing that the pipeline asks for has to be there and given."""

from collections.abc import Mapping, Sequence

from tfx import types
from tfx.components.util import model_utils
from tfx.types import standard_component_specs as specs

from contracts.artifacts import REFUSAL_REASON


def withheld(inputs: Mapping[str, list[types.Artifact]], wired: Sequence[str]) -> str:
    """Why the model is not to be pushed, "" if it may be.

    Args:
        inputs: artifacts by input.
        wired: the inputs with blessings that the component was given. One of them without an artifact, as
            an optional input can be, is not a blessing.
    """
    reasons = []
    for name in wired:
        [blessing] = inputs.get(name) or [None]
        if blessing is None:
            reasons.append(f"there is no {name} of its model")
        elif name == specs.MODEL_BLESSING_KEY and not model_utils.is_model_blessed(blessing):
            reasons.append("its model was not blessed (see its evaluator)")
        elif name == specs.INFRA_BLESSING_KEY and not model_utils.is_infra_validated(blessing):
            why = blessing.get_string_custom_property(REFUSAL_REASON)
            reasons.append(
                f"the probe refused its model: {why}" if why else "the probe did not bless its model"
            )
    return ", and ".join(reasons)
