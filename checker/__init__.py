"""Probes the lists and judges the results. It knows no channel and no cluster."""

__version__ = "0.1.0"
