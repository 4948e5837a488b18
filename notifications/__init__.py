"""From a report document to messages that arrive. It knows nothing of the checker but its JSON."""
