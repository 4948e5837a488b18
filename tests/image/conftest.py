"""The image runs on the cluster of the end-to-end tests."""

from tests.e2e.conftest import cluster, image, space, spaces

__all__ = ["cluster", "image", "space", "spaces"]
