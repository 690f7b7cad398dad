"""How far two sets of data are apart, by the one measure that the gate, the report and the studies share."""
