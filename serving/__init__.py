"""Two-stage recommendations over TensorFlow Serving's API: the client, the command, the local server."""
