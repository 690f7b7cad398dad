"""What several packages must agree on: names and constants, without logic and without imports of ours."""
