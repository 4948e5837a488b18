"""The checker: probes the lists, tells what was seen, judges it. It knows no channel."""
