"""Names of the files and custom properties that artifacts carry, and of the logger that a fit reports to."""

from typing import Final

# The logger that a node reports its progress to: `counted` and `count` of a record add to what was done, such
# as 500 "rows read"; a fit reports `epoch`, `epochs` and `metric`, and within one `batch` and `batches`. And
# the files in which a fit leaves its learning curves and, for retrieval, which indexes were made and why.
PROGRESS_LOGGER: Final = "trainer_module.progress"
FIT_FILE: Final = "fit.json"
INDEX_FILE: Final = "index.json"

# Beside them, for whoever looks into a model: the weights of the cross layers by pair of features, and the
# embeddings of all movies.
CROSS_WEIGHTS_FILE: Final = "cross_weights.json"
MOVIE_EMBEDDINGS_FILE: Final = "movie_embeddings.npz"

# In a model run, for the final order of the list: what retrieval recommends to the users of validation, and
# the folder of a ranking SavedModel that was not trained on their held-out ratings. And, at the root of the
# recommender's model artifact, the order that was fitted.
VALIDATION_LISTS_FILE: Final = "validation_lists.npz"
VALIDATION_RANKING: Final = "validation_ranking"
FINAL_ORDER_FILE: Final = "final_order.json"

# Custom properties of the Examples artifacts. `rejected_<reason>` counts one
# reason, `examples_<split>` one split.
ROWS_READ: Final = "rows_read"
ROWS_REJECTED: Final = "rows_rejected"
ROWS_DROPPED: Final = "rows_dropped"
USERS_COUNT: Final = "users"
MOVIES_COUNT: Final = "movies"
REJECTED_PREFIX: Final = "rejected_"
EXAMPLES_PREFIX: Final = "examples_"

# Files at the root of an Examples artifact, beside its `Split-<name>` folders.
REJECTED_FILE: Final = "rejected.csv"
COUNTS_FILE: Final = "counts.json"

# The file in the `gate_result` artifact, and the end of the name of the one that is kept of a refusal. Beside
# it, and with what the gate keeps of accepted data, how often each compared feature has each value.
DATA_GATE_FILE: Final = "data_gate.json"
DISTRIBUTIONS_FILE: Final = "distributions.json"

# With the name of a servable, an output of the pusher.
PUSHED_PREFIX: Final = "pushed_"

# The custom property of a blessing that is not given, and of a model that is not pushed: why.
REFUSAL_REASON: Final = "reason"

# The file in the `infra_blessing` artifact.
MODEL_PROBE_FILE: Final = "model_probe.json"

# The output of the ServedModel component, and its custom properties, all texts. Version and digest (the
# fingerprint of the model's files) are "" where the candidate stands in because nothing is compared; the
# override is why a version was passed over; the summary is what the console shows. The file beside the
# SavedModel holds all of it.
SERVED_MODEL: Final = "served_model"
SERVED_VERSION: Final = "version"
SERVED_DIGEST: Final = "digest"
SERVED_OVERRIDE: Final = "override"
SERVED_SUMMARY: Final = "summary"
SERVED_MODEL_FILE: Final = "served_model.json"

# The file that marks a folder of raw files as a synthetic sample, and holds its spec.
SYNTHETIC_MARKER: Final = "synthetic_sample.json"
