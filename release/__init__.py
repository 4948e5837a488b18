"""What a release is made of and what it lacks. Nothing here is part of the package or needed to run it."""
