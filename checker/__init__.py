"""Probes the lists, tells what was seen, judges it. It knows no channel."""

__version__ = "0.1.0"
