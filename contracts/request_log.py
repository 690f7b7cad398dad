"""The lines of a request log, which clients write and `python -m pipeline serving-skew` reads.

A line is a JSON object about one Predict request. `version` and `outputs` are missing where nothing answered.
"""

from typing import Final

# The name of a log's newest file; older ones have `.1`, `.2` and so on behind it.
REQUEST_LOG_FILE: Final = "requests.jsonl"

TIME: Final = "time"  # UTC seconds at the end of the request.
LOGGED_MODEL: Final = "model"
LOGGED_VERSION: Final = "version"
LOGGED_SIGNATURE: Final = "signature"
CODE: Final = "code"  # gRPC's.
SECONDS: Final = "seconds"
# Nested lists by name. Serialized tf.Examples are lists of features by name.
INPUTS: Final = "inputs"
OUTPUTS: Final = "outputs"

# What stands before the hash of a user id.
HASHED: Final = "hashed:"
