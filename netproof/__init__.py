"""The command `netproof`: one module a command. It alone knows the checker, the notifications and the rest."""
