"""The lower limit: an epoll loop that connects to each address of a file, without any evidence.

epoll.py FILE TIMEOUT
"""

import select
import socket
import sys
import time
from pathlib import Path

addresses = [line.rpartition(":") for line in Path(sys.argv[1]).read_text().split()]
timeout = float(sys.argv[2])
poll = select.epoll()
pending, opened = {}, 0
for host, _, port in addresses:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    sock.connect_ex((host, int(port)))
    poll.register(sock.fileno(), select.EPOLLOUT)
    pending[sock.fileno()] = (sock, time.monotonic() + timeout)
last = max(end for _, end in pending.values())
while pending and (left := last - time.monotonic()) > 0:
    for descriptor, _event in poll.poll(left):
        sock = pending.pop(descriptor)[0]
        opened += sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
        sock.close()
print(opened, "open,", len(pending), "silent")
