"""Reads the results of Jobs from the Kubernetes API, and reports what is new, open, over, proven or overdue."""
