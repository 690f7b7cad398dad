"""A Pusher whose versions appear whole or not at all, record their origin, and can be rolled back."""
