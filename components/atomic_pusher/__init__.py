"""A Pusher whose versions appear whole or not at all, say where they come from, and can be rolled back."""
