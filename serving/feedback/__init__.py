"""What people rate and what they were shown, written durably and handed to the pipeline as data sets.

`FeedbackWriter` writes `RatingEvent` and `ImpressionEvent`; the folders that it closes are data sets.
"""

from serving.feedback.events import (
    FeedbackConflictError,
    FeedbackError,
    ImpressionEvent,
    RatedMovie,
    RatingEvent,
)
from serving.feedback.writer import FeedbackWriter

__all__ = [
    "FeedbackConflictError",
    "FeedbackError",
    "FeedbackWriter",
    "ImpressionEvent",
    "RatedMovie",
    "RatingEvent",
]
