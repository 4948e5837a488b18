#!/bin/sh
# The tool that netproof replaces: a serial loop around ncat.   ncat.sh FILE SECONDS
while IFS=: read -r host port; do
  ncat -z -w "$2" "$host" "$port" </dev/null 2>/dev/null && echo "$host:$port is reachable"
done <"$1"
exit 0
