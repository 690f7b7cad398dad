"""Names that the component's artifact carries, for whoever reads it; free of TFX and of imports of ours."""

from typing import Final

# The output.
SERVED_MODEL: Final = "served_model"

# Custom properties, all texts. `version` and `digest` (the fingerprint of the model's files) are "" where the
# candidate stands in because nothing is compared; `override` is why a version was passed over.
VERSION: Final = "version"
DIGEST: Final = "digest"
OVERRIDE: Final = "override"
# What the console shows.
FIGURE: Final = "figure"

# All of it again, beside the SavedModel.
RECORD_FILE: Final = "served_model.json"
