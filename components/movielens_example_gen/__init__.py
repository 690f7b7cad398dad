"""The custom ExampleGen; import `component` for the node and `settings` for its settings alone."""
