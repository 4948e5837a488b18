"""Makes messages from a report and delivers them. It knows only the JSON of the report."""
