"""The command `netproof`: one module a command. Only this package imports all others."""
