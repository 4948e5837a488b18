"""`python -m release.notes`: print the section of the changelog about this version."""

import sys
from pathlib import Path

from checker import __version__
from release.changelog import sections

if __name__ == "__main__":
    found = sections((Path(__file__).parents[1] / "CHANGELOG.md").read_text()).get(__version__)
    sys.exit(print(found.text) if found else f"Error: CHANGELOG.md has no section of {__version__}")
