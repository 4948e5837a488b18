"""Makes suggested lists from policies, pods and Services, and finds what no check covers."""
