"""Flags, text protos and certificates."""
