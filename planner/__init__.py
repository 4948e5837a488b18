"""From policies, pods and Services to suggested lists, and to what no check covers. Documents in, documents out."""
