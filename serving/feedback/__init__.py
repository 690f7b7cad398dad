"""What people rate and what they were shown, written durably and handed to the pipeline as data sets.

    from serving.feedback import FeedbackWriter, RatedMovie, RatingEvent

    with FeedbackWriter(Path("feedback"), stars=[1, 2, 3, 4, 5]) as writer:
        writer.rate(RatingEvent(event_id="5f0c9a7e", user_id="42", movie_id="50", stars=4), movie)
        folder = writer.close_folder()
"""

from serving.feedback.events import FeedbackError, ImpressionEvent, RatedMovie, RatingEvent
from serving.feedback.writer import FeedbackWriter

__all__ = ["FeedbackError", "FeedbackWriter", "ImpressionEvent", "RatedMovie", "RatingEvent"]
