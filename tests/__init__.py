"""A regular package, because TFMA puts a folder of IPython on the path that has one of this name too."""
