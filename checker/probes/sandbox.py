"""sandbox://check - what must not be possible in this container, read from files of the kernel.

Every check only reads: it writes nothing, connects to nothing and starts nothing. It tests the container that
netproof itself runs in, and no other. docs/sandbox.md has a section for each check.
Sources: proc_pid_status(5), proc_pid_mountinfo(5), capabilities(7), namespaces(7), user_namespaces(7), cgroups(7), and
Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/ of Linux.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

from checker.model import Check, Observation, Outcome, Probe
from checker.words import near_miss

Reading = tuple[bool, str]  # whether it is possible in this container, and the evidence

_CAPABILITIES = (  # noqa: SIM905 - linux/capability.h, by number
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE "
    "NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN "
    "SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE "
    "MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE"
).split()
_OF_THE_PRIVILEGED = ("SYS_ADMIN", "SYS_MODULE", "SYS_RAWIO", "SYS_PTRACE", "NET_ADMIN", "DAC_READ_SEARCH")
_RUNTIME_SOCKETS = (  # noqa: SIM905 - where container runtimes listen, below /run
    "docker.sock cri-dockerd.sock containerd/containerd.sock k3s/containerd/containerd.sock crio/crio.sock "
    "podman/podman.sock buildkit/buildkitd.sock"
).split()
_SOCKET_NAMES = {Path(path).name for path in _RUNTIME_SOCKETS}
_SHIMS = ("containerd-shim", "conmon")  # the parents of containers (containerd, Docker; CRI-O, Podman)
_INITIAL_PID_NAMESPACE = "pid:[4026531836]"  # PROC_PID_INIT_INO, linux/proc_ns.h
_LISTENS = "00010000"  # __SO_ACCEPTCON, linux/net.h; a client has the socket in its own namespace, too
_TOKEN = "var/run/secrets/kubernetes.io/serviceaccount/token"  # noqa: S105 - kubernetes.io/docs/concepts/security/service-accounts
# What the kubelet and container runtimes mount into every pod: folders named after the pod's UID, or a container's ID
_OF_THE_POD = re.compile(r"/pods/[0-9a-f-]{32,36}/|/[0-9a-f]{64}/")
_OF_THE_KERNEL = {"proc", "sysfs", "cgroup", "cgroup2", "mqueue", "devpts"}
_DEVICES = {"/null", "/zero", "/full", "/random", "/urandom", "/tty"}
_NO_LIMIT = 2**62  # bytes; cgroup v1 shows "no limit" as the largest multiple of a page below 2**63


class Mount(NamedTuple):
    """A line of /proc/self/mountinfo: `root` is the folder of the file system that is mounted at `point`."""

    root: str
    point: str
    options: list[str]
    type: str
    super_options: str


def mounts(tree: Path) -> Iterator[Mount]:
    """Read the mounts of this process (proc_pid_mountinfo(5)), in the order in which they were made."""
    for line in (tree / "proc/self/mountinfo").read_text("utf-8", "surrogateescape").splitlines():
        mount, _, superblock = line.partition(" - ")
        words = [re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), word) for word in mount.split(" ")]
        kind, _, super_options = superblock.split(" ", 2)
        yield Mount(words[3], words[4], words[5].split(","), kind, super_options)


def below(path: str, *points: str) -> bool:
    """Whether a path is one of the mount points, or below it."""
    return any(f"{path}/".startswith(f"{point.rstrip('/')}/") for point in points)


def status(tree: Path, key: str, process: str = "self") -> str:
    """Read a line of /proc/PID/status (proc_pid_status(5)). Raises LookupError where the kernel does not have it."""
    text = (tree / "proc" / process / "status").read_text("utf-8", "replace")
    found = re.search(rf"^{key}:(.*)$", text, re.MULTILINE)
    if not found:
        raise LookupError(f"/proc/{process}/status has no {key}")
    return found[1].strip()


def docker_socket(tree: Path, _: Sequence[str]) -> Reading:
    """Look for the socket of a container runtime where runtimes have it, and at and below every mount."""
    found = [mount for mount in mounts(tree) if not below(mount.point, "/proc", "/sys")]
    paths = [mount.point for mount in found if Path(mount.root).name in _SOCKET_NAMES]
    for point in ("/", *(mount.point for mount in found)):
        for folder in (point, f"{point}/run", f"{point}/var/run"):
            paths += [f"{folder}/{socket}" for socket in (*_RUNTIME_SOCKETS, *_SOCKET_NAMES)]
    for path in dict.fromkeys(re.sub("/+", "/", path) for path in paths):
        with suppress(OSError):  # it may be in a folder that this user may not enter
            if (tree / path.lstrip("/")).is_socket():
                return True, f"{path} is a container runtime's socket"
    return False, "no container runtime's socket at its usual places, nor at a mount"


def held(tree: Path) -> list[str]:
    """List the capabilities that this container has or can gain: permitted and bounding set (capabilities(7))."""
    mask = int(status(tree, "CapBnd"), 16) | int(status(tree, "CapPrm"), 16)
    names = [*_CAPABILITIES, *(f"CAP_{number}" for number in range(len(_CAPABILITIES), 64))]
    return [name for number, name in enumerate(names) if mask >> number & 1]


def privileged(tree: Path, _: Sequence[str]) -> Reading:
    """Look for all the capabilities that control the node: `privileged: true` gives them, and `add: [ALL]` does."""
    missing = [name for name in _OF_THE_PRIVILEGED if name not in held(tree)]
    return not missing, f"it lacks {', '.join(missing)}" if missing else f"it has {', '.join(_OF_THE_PRIVILEGED)}"


def capabilities(tree: Path, allowed: Sequence[str]) -> Reading:
    """List all capabilities but the allowed ones."""
    extra = [name for name in held(tree) if name not in allowed]
    return bool(extra), f"capabilities beyond the allowed ones: {', '.join(extra) or 'none'}"


def zero(key: str, tree: Path, _: Sequence[str]) -> Reading:
    """Look whether a key of /proc/self/status is 0."""
    value = status(tree, key)
    return value == "0", f"{key} is {value}"


def root(tree: Path, _: Sequence[str]) -> Reading:
    """Read the real, effective, saved and file-system user IDs."""
    users = status(tree, "Uid").split()
    return "0" in users, f"the user IDs are {', '.join(users)}"


def host_pid(tree: Path, _: Sequence[str]) -> Reading:
    """Look at the PID namespace: the kernel's first one is the node's, and so is one that shows our own runtime.

    The second matters where nodes are containers themselves: the container's parent runs on the node. From the
    container's own namespace, that parent is process 0 (pid_namespaces(7)).
    """
    if str((tree / "proc/self/ns/pid").readlink()) == _INITIAL_PID_NAMESPACE:
        return True, "this is the kernel's first PID namespace"
    process = "self"
    while (process := status(tree, "PPid", process)) != "0":
        if (name := status(tree, "Name", process)).startswith(_SHIMS):
            return True, f"process {process} is the node's {name}, a parent of this container"
    return False, "no process of the node is a parent of this one"


def host_network(tree: Path, _: Sequence[str]) -> Reading:
    """Look for a container runtime's socket in /proc/net/unix, the sockets of this network namespace (unix(7))."""
    for line in (tree / "proc/net/unix").read_text("utf-8", "replace").splitlines()[1:]:
        _, _, _, flags, _, _, _, *path = line.split(maxsplit=7)
        if flags == _LISTENS and path and Path(path[0]).name in _SOCKET_NAMES | {"kubelet.sock"}:
            return True, f"{path[0]} listens in this network namespace"
    return False, "no container runtime listens in this network namespace"


def host_mounts(tree: Path, allowed: Sequence[str]) -> Reading:
    """List mounts that neither the container runtime nor the kubelet makes for a pod, outermost first.

    A memory volume of the pod looks like a tmpfs of the node, but for the `mode` option, which only others set.
    """
    found: list[Mount] = []
    for mount in mounts(tree):
        tmpfs = mount.type == "tmpfs" and mount.root == "/"
        kernel = tmpfs or mount.type in _OF_THE_KERNEL or mount.root in _DEVICES
        if not (
            mount.point == "/"
            or _OF_THE_POD.search(mount.root)
            or (kernel and below(mount.point, "/proc", "/sys", "/dev"))
            or (tmpfs and "mode=" not in mount.super_options)
            or below(mount.point, *allowed, *(outer.point for outer in found))
        ):
            found.append(mount)
    seen = ", ".join(f"{mount.point} ({mount.type} {mount.root})" for mount in found)
    return bool(found), f"mounts from outside of the pod: {seen or 'none'}"


def service_account_token(tree: Path, _: Sequence[str]) -> Reading:
    """Look whether the token is there; it is not read."""
    try:
        (tree / _TOKEN).stat()
    except (FileNotFoundError, NotADirectoryError):
        return False, f"there is no /{_TOKEN}"
    return True, f"/{_TOKEN} exists"


def writable_proc_sys(tree: Path, _: Sequence[str]) -> Reading:
    """Look whether /proc/sys, /proc/sysrq-trigger or /sys, which belong to the node, are mounted for writing."""
    writable = []
    trigger = ["/proc/sysrq-trigger"] if (tree / "proc/sysrq-trigger").exists() else []  # not every kernel has it
    for path in ("/proc/sys", "/sys", *trigger):
        covering = [mount for mount in mounts(tree) if below(path, mount.point)]
        if "rw" in max(covering, key=lambda mount: len(mount.point)).options:
            writable.append(path)
    return bool(writable), f"mounted for writing: {', '.join(writable) or 'none of /proc/sys and /sys'}"


def unlimited(what: str, controller: str, v1: str, v2: str, tree: Path, _: Sequence[str]) -> Reading:
    """Read a limit of this process's cgroup and of those above it, as far as they can be seen.

    `max 100000` of cpu.max, and -1 and huge numbers of cgroup v1, mean "no limit". A container normally sees its own
    cgroup alone: with cgroup v2 it has a cgroup namespace (cgroup_namespaces(7)), with v1 only its own folder is
    mounted. The kubelet limits the processes of the pod's cgroup (podPidsLimit): only from there, their lack is known.
    """
    base = tree / "sys/fs/cgroup"
    unified = (base / "cgroup.controllers").exists()
    base, file, name = (base, v2, "") if unified else (base / controller, v1, controller)
    lines = (line.split(":", 2) for line in (tree / "proc/self/cgroup").read_text("utf-8").splitlines())
    own = base / next(path for _, names, path in lines if name in names.split(",")).lstrip("/")
    files = [folder / file for folder in (own, *own.parents) if folder.is_relative_to(base)]
    found = [each.read_text("utf-8").strip() for each in files if each.is_file()]
    if not found:
        raise LookupError(f"there is no {file} in {base}")
    numbers = [each.split()[0] for each in found]
    limited = any(number not in ("max", "-1") and int(number) < _NO_LIMIT for number in numbers)
    if controller == "pids" and not limited and (own == base or not own.is_dir()):
        raise LookupError(
            "this container has no process limit of its own, and the limit of its pod cannot be read from here"
        )
    return not limited, f"the {what} is {found[0]}"


def user_namespace(tree: Path, _: Sequence[str]) -> Reading:
    """Read the map of user IDs: the kernel's first user namespace maps each to itself (user_namespaces(7))."""
    lines = [line.split() for line in (tree / "proc/self/uid_map").read_text("ascii").splitlines()]
    seen = "; ".join(f"user ID {inside} is {outside} outside ({count} IDs)" for inside, outside, count in lines)
    return lines != [["0", "0", "4294967295"]], seen or "no user ID is mapped"


CHECKS: dict[str, Callable[[Path, Sequence[str]], Reading]] = {
    "docker-socket": docker_socket,
    "privileged": privileged,
    "capabilities": capabilities,
    # 0: a set-user-ID program gains privileges (PR_SET_NO_NEW_PRIVS(2const))
    "privilege-escalation": partial(zero, "NoNewPrivs"),
    "seccomp": partial(zero, "Seccomp"),  # 0: there is no filter, so every system call can be made (seccomp(2))
    "root": root,
    "host-pid": host_pid,
    "host-network": host_network,
    "host-mounts": host_mounts,
    "service-account-token": service_account_token,
    "writable-proc-sys": writable_proc_sys,
    # bytes; processes; microseconds of each period
    "no-memory-limit": partial(unlimited, "memory limit", "memory", "memory.limit_in_bytes", "memory.max"),
    "no-pids-limit": partial(unlimited, "limit of processes", "pids", "pids.max", "pids.max"),
    "no-cpu-limit": partial(unlimited, "CPU limit", "cpu", "cpu.cfs_quota_us", "cpu.max"),
    "user-namespace": user_namespace,
}


@dataclass(frozen=True, slots=True)
class Sandbox(Probe):
    """What sandbox://capabilities and sandbox://host-mounts let pass: capabilities, or mount points."""

    own = True

    allowed: list[str] = field(default_factory=list)

    def mistake(self, check: Check) -> tuple[str, str] | None:
        """Find what is invalid."""
        name = check.target.name
        if name not in CHECKS:
            return "target", f"unknown sandbox check {name!r}; {near_miss(name, CHECKS)}"
        if (check.list == "allow") is not (name == "user-namespace"):
            return "", f"sandbox://{name} belongs on the {'deny' if check.list == 'allow' else 'allow'} list"
        if self.allowed and name not in ("capabilities", "host-mounts"):
            return "allowed", "is a setting of sandbox://capabilities and sandbox://host-mounts"
        for each in self.allowed:
            if name == "capabilities" and each not in _CAPABILITIES:
                return "allowed", f"unknown capability {each!r}; {near_miss(each, _CAPABILITIES)}"
            if name == "host-mounts" and not each.startswith("/"):
                return "allowed", f"found {each!r}; expected a mount point such as /data"
        return None

    async def attempt(self, check: Check, _address: str) -> Observation:
        """Read once. What cannot be read is untestable: it proves nothing."""
        try:
            possible, seen = CHECKS[check.target.name](Path("/"), self.allowed)
        except (OSError, LookupError, ValueError) as error:
            return Observation(Outcome.UNTESTABLE, f"could not be read: {error}")
        return Observation(Outcome.POSSIBLE if possible else Outcome.IMPOSSIBLE, seen)
