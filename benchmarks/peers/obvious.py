"""The simplest asyncio program: open_connection with a timeout for each address, all at once.

obvious.py FILE TIMEOUT
"""

import asyncio
import sys
from pathlib import Path


async def attempt(host: str, port: int, within: float) -> bool:
    """Return whether a connection was made."""
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(host, port), within)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


async def main(targets: list[tuple[str, str, str]], within: float) -> None:
    """Try every address at once."""
    came = await asyncio.gather(*(attempt(host, int(port), within) for host, _, port in targets))
    print(sum(came), "open,", len(came) - sum(came), "silent")


lines = Path(sys.argv[1]).read_text().split()
asyncio.run(main([line.rpartition(":") for line in lines], float(sys.argv[2])))
