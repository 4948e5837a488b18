"""Prepares, checks and builds releases. Nothing here is part of the package, or needed to run it."""
