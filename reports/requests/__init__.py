"""What is requested of a served version, beside the data that it was trained on."""
