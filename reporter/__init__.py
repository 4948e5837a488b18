"""From what Jobs left in the Kubernetes API to a situation: what is new, still, over, proven, overdue."""
