"""The type of the gate's result in ML Metadata."""

from tfx.types import artifact


class DataGateResult(artifact.Artifact):
    """Every check of a run's data with its value and its threshold, in `data_gate.json`.

    A container on Kubeflow finds the class of an artifact by taking the name of its type for a path with two
    parts, so the name is one: `components/__init__.py` has the second part.
    """

    TYPE_NAME = "components.DataGateResult"
