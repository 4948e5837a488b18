"""Makes messages from a report and delivers them. This package uses only the JSON form of the report."""
