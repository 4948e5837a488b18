"""The command line `netproof`. Each command is one module. Only this package imports all others."""
