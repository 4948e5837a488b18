"""Sandbox checks, read from trees of files with the kernel's own words in them; real containers are in tests/e2e."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

from checker.config import ConfigError, load
from checker.probes import sandbox
from notifications.settings import Notify
from tests.checker.command import netproof

POD = "7192cdcc-d4b3-44d1-8ec6-84b1aba176e7"
CONTAINER = "3b1cf2d88d77de831c7ad7eb6943ab805f1bdcf5457e75d1dad35463a0bfc36c"
# Of a restricted pod of containerd and runc, with a volume of each kind.
MOUNTS = f"""\
294 171 0:122 / / rw,relatime - overlay overlay rw,lowerdir=/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs
295 294 0:124 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw
296 294 0:125 / /dev rw,nosuid - tmpfs tmpfs rw,size=65536k,mode=755
297 296 0:126 / /dev/pts rw,nosuid,noexec,relatime - devpts devpts rw,gid=5,mode=620,ptmxmode=666
298 296 0:77 / /dev/mqueue rw,nosuid,nodev,noexec,relatime - mqueue mqueue rw
299 294 0:82 / /sys ro,nosuid,nodev,noexec,relatime - sysfs sysfs ro
300 299 0:127 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime - tmpfs tmpfs rw,mode=755
304 300 0:32 /kubepods/pod{POD}/{CONTAINER} /sys/fs/cgroup/memory ro,relatime - cgroup cgroup rw,memory
310 294 254:0 /var/lib/kubelet/pods/{POD}/volumes/kubernetes.io~empty-dir/e /e rw,relatime - ext4 /dev/vda rw,discard
311 294 0:59 / /m rw,relatime - tmpfs tmpfs rw,size=131072k,noswap
313 294 254:0 /var/lib/kubelet/pods/{POD}/etc-hosts /etc/hosts rw,relatime - ext4 /dev/vda rw,discard
314 296 254:0 /var/lib/kubelet/pods/{POD}/containers/c/9a465abe /dev/termination-log rw,relatime - ext4 /dev/vda rw
315 294 254:0 /run/containerd/cri/sandboxes/{CONTAINER}/hostname /etc/hostname rw - ext4 /dev/vda rw
317 296 0:64 / /dev/shm rw,nosuid,nodev,noexec,relatime - tmpfs shm rw,size=65536k
318 294 0:60 / /run/secrets/kubernetes.io/serviceaccount ro,relatime - tmpfs tmpfs rw,size=24632884k,noswap
319 296 0:6 /zero /dev/zero rw,nosuid - devtmpfs devtmpfs rw,size=12334460k,mode=755
197 295 0:124 /bus /proc/bus ro,nosuid,nodev,noexec,relatime - proc proc rw
200 295 0:124 /sys /proc/sys ro,nosuid,nodev,noexec,relatime - proc proc rw
198 295 0:124 /sysrq-trigger /proc/sysrq-trigger ro,nosuid,nodev,noexec,relatime - proc proc rw
201 295 0:143 / /proc/acpi ro,relatime - tmpfs tmpfs ro
202 295 0:125 /null /proc/keys rw,nosuid - tmpfs tmpfs rw,size=65536k,mode=755
"""
STATUS = """\
Name:\tpython
PPid:\t0
Uid:\t65532\t65532\t65532\t65532
CapPrm:\t0000000000000000
CapBnd:\t0000000000000000
NoNewPrivs:\t1
Seccomp:\t2
Seccomp_filters:\t1
"""
SOCKETS = "Num       RefCount Protocol Flags    Type St Inode Path\n"
OWN = """\
0: 00000003 00000000 00000000 0001 03 69460 /run/app/app.sock
0: 00000003 00000000 00000000 0001 03 69461 /run/containerd/containerd.sock
0: 00000003 00000000 00000000 0001 03 68449
"""  # a socket of its own, one that is connected to the runtime's, and one without a path
RESTRICTED = {
    "proc/self/status": STATUS,
    "proc/self/mountinfo": MOUNTS,
    "proc/self/uid_map": "         0      65536      65536\n",
    "proc/self/cgroup": "0::/\n",
    "proc/net/unix": SOCKETS + OWN,
    "sys/fs/cgroup/cgroup.controllers": "cpu memory pids\n",
    "sys/fs/cgroup/memory.max": "134217728\n",
    "sys/fs/cgroup/cpu.max": "100000 100000\n",
    "sys/fs/cgroup/pids.max": "512\n",
}
V1 = {
    "proc/self/cgroup": f"8:pids:/kubepods/{CONTAINER}\n4:memory:/kubepods/{CONTAINER}\n1:cpu,cpuacct:/\n0::/\n",
    "sys/fs/cgroup/cgroup.controllers": None,
    "sys/fs/cgroup/memory/memory.limit_in_bytes": "134217728\n",
    "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "100000\n",
    "sys/fs/cgroup/pids/pids.max": "512\n",
}


def changed(folder: Path, files: dict[str, str | None]) -> Path:
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            file.unlink()
        else:
            file.write_text(content)
    namespace = folder / "proc/self/ns/pid"
    if not namespace.is_symlink():
        namespace.parent.mkdir(exist_ok=True)
        namespace.symlink_to("pid:[4026532770]")
    return folder


def status(**lines: str) -> dict[str, str | None]:
    kept = {line.partition(":")[0]: line.partition("\t")[2] for line in STATUS.splitlines()}
    return {"proc/self/status": "".join(f"{key}:\t{value}\n" for key, value in {**kept, **lines}.items())}


def mounted(*lines: str) -> dict[str, str | None]:
    return {"proc/self/mountinfo": MOUNTS + "".join(f"{line}\n" for line in lines)}


DENIED = sorted(sandbox.CHECKS.keys() - {"user-namespace"})
FAULTS: dict[str, tuple[str, dict[str, str | None], str]] = {
    "privileged": ("privileged", status(CapBnd="000001fffeffffff"), "it has SYS_ADMIN, SYS_MODULE"),
    "capability": ("capabilities", status(CapBnd="0000000000002000"), "allowed ones: NET_RAW"),
    "capability-permitted": ("capabilities", status(CapPrm="0000000000200000"), "SYS_ADMIN"),
    "capability-of-tomorrow": ("capabilities", status(CapBnd="0000020000000000"), "CAP_41"),
    "escalation": ("privilege-escalation", status(NoNewPrivs="0"), "NoNewPrivs is 0"),
    "seccomp": ("seccomp", status(Seccomp="0"), "Seccomp is 0"),
    "root": ("root", status(Uid="0\t0\t0\t0"), "0, 0, 0, 0"),
    "root-saved": ("root", status(Uid="65532\t65532\t0\t65532"), "65532, 65532, 0, 65532"),
    "host-pid-of-a-nested-node": (
        "host-pid",
        {**status(PPid="17"), "proc/17/status": "Name:\tcontainerd-shim\nPPid:\t1\n", "proc/1/status": "PPid:\t0\n"},
        "process 17 is the node's containerd-shim",
    ),
    "host-network": (
        "host-network",
        {"proc/net/unix": f"{SOCKETS}{OWN}0: 00000002 0 00010000 0001 01 8075 /run/containerd/containerd.sock\n"},
        "/run/containerd/containerd.sock listens",
    ),
    "host-mounts": ("host-mounts", mounted("9 8 254:0 /etc /host-etc ro - ext4 /dev/vda rw"), "/host-etc (ext4 /etc)"),
    "host-mounts-proc": ("host-mounts", mounted("9 8 0:21 / /host/proc rw - proc proc rw"), "/host/proc"),
    "host-mounts-run": ("host-mounts", mounted("9 8 0:5 / /r rw - tmpfs tmpfs rw,size=9k,mode=755"), "/r (tmpfs /)"),
    "host-mounts-space": ("host-mounts", mounted(r"9 8 254:0 /a /with\040space rw - ext4 /dev/vda rw"), "/with space"),
    "host-mounts-bpf": ("host-mounts", mounted("9 8 0:5 / /sys/fs/bpf rw - bpf bpf rw"), "/sys/fs/bpf"),
    "token": (
        "service-account-token",
        {"var/run/secrets/kubernetes.io/serviceaccount/token": "s3cret"},
        "/var/run/secrets/kubernetes.io/serviceaccount/token exists",
    ),
    "proc-sys": (
        "writable-proc-sys",
        {"proc/self/mountinfo": "1 0 0:1 / / rw - overlay o rw\n2 1 0:2 / /proc rw - proc proc rw\n"
         "3 1 0:3 / /sys ro - sysfs sysfs ro\n", "proc/sysrq-trigger": ""},
        "/proc/sys, /proc/sysrq-trigger",
    ),
    "no-memory-limit": ("no-memory-limit", {"sys/fs/cgroup/memory.max": "max\n"}, "the memory limit is max"),
    "no-memory-limit-v1": (
        "no-memory-limit",
        {**V1, "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"},
        "9223372036854771712",
    ),
    "no-cpu-limit": ("no-cpu-limit", {"sys/fs/cgroup/cpu.max": "max 100000\n"}, "the CPU limit is max 100000"),
    "no-cpu-limit-v1": ("no-cpu-limit", {**V1, "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n"}, "the CPU limit is -1"),
    "no-pids-limit-in-all-of-the-tree": (
        "no-pids-limit",
        {
            "proc/self/cgroup": "0::/kubepods/pod\n",
            "sys/fs/cgroup/pids.max": None,
            "sys/fs/cgroup/kubepods/pids.max": "max\n",
            "sys/fs/cgroup/kubepods/pod/pids.max": "max\n",
        },
        "the limit of processes is max",
    ),
}  # fmt: skip


@pytest.mark.parametrize("cgroups", [{}, V1], ids=["cgroup2", "cgroup1"])
@pytest.mark.parametrize("check", DENIED)
def test_a_restricted_container_passes(tmp_path: Path, check: str, cgroups: dict[str, str | None]) -> None:
    changed(tmp_path, {**RESTRICTED})
    assert sandbox.CHECKS[check](changed(tmp_path, cgroups), [])[0] is False


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_with_its_evidence_and_without_secrets(tmp_path: Path, fault: str) -> None:
    check, files, evidence = FAULTS[fault]
    changed(tmp_path, {**RESTRICTED})
    possible, seen = sandbox.CHECKS[check](changed(tmp_path, files), [])
    assert possible
    assert evidence in seen
    assert "s3cret" not in seen


def test_the_first_pid_namespace_is_the_nodes(tmp_path: Path) -> None:
    changed(tmp_path, {**RESTRICTED})
    namespace = tmp_path / "proc/self/ns/pid"
    namespace.unlink()
    namespace.symlink_to("pid:[4026531836]")
    assert sandbox.CHECKS["host-pid"](tmp_path, [])[0]


@pytest.mark.parametrize(
    ("place", "mount"),
    [
        ("run/docker.sock", None),
        ("var/run/crio/crio.sock", None),
        ("x", "9 8 0:5 /containerd/containerd.sock /x rw - tmpfs tmpfs rw,mode=755"),
        ("host/run/k3s/containerd/containerd.sock", "9 8 254:0 / /host rw - ext4 /dev/vda rw"),
        ("r/podman/podman.sock", "9 8 0:5 / /r rw - tmpfs tmpfs rw,mode=755"),
        ("engine/docker.sock", "9 8 254:0 /opt/engine /engine rw - ext4 /dev/vda rw"),
    ],
)
def test_a_runtimes_socket_is_found_where_it_is_mounted(tmp_path: Path, place: str, mount: str | None) -> None:
    changed(tmp_path, {**RESTRICTED, **(mounted(mount) if mount else {})})
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    there = Path.cwd()
    with socket.socket(socket.AF_UNIX) as listener:
        os.chdir((tmp_path / place).parent)  # a socket's path has at most 108 bytes (unix(7))
        try:
            listener.bind((tmp_path / place).name)
        finally:
            os.chdir(there)
        assert sandbox.CHECKS["docker-socket"](tmp_path, []) == (True, f"/{place} is a container runtime's socket")


def test_what_is_allowed_passes(tmp_path: Path) -> None:
    bind_and_mount = {**status(CapBnd="0000000000000400"), **mounted("9 8 8:16 / /data/x rw - ext4 /dev/sdb rw")}
    changed(tmp_path, {**RESTRICTED, **bind_and_mount})
    for check, allowed, beside in (("capabilities", "NET_BIND_SERVICE", "CHOWN"), ("host-mounts", "/data", "/dat")):
        assert sandbox.CHECKS[check](tmp_path, [beside])[0]
        assert not sandbox.CHECKS[check](tmp_path, [allowed])[0]


def test_a_limit_of_a_parent_cgroup_counts_if_it_can_be_read(tmp_path: Path) -> None:
    above = {"proc/self/cgroup": "0::/kubepods/pod\n", "sys/fs/cgroup/kubepods/pids.max": "100\n"}
    changed(tmp_path, {**RESTRICTED, **above, "sys/fs/cgroup/kubepods/pod/pids.max": "max\n"})
    assert not sandbox.CHECKS["no-pids-limit"](tmp_path, [])[0]


def test_a_limit_that_cannot_be_read_is_inconclusive(tmp_path: Path) -> None:
    changed(tmp_path, {**RESTRICTED, "sys/fs/cgroup/pids.max": "max\n"})
    with pytest.raises(LookupError, match="the limit of its pod cannot be read from here"):
        sandbox.CHECKS["no-pids-limit"](tmp_path, [])


@pytest.mark.parametrize("check", sandbox.CHECKS)
def test_a_missing_file_of_the_kernel_is_inconclusive(tmp_path: Path, check: str) -> None:
    if check == "service-account-token":  # a missing file is not a socket
        return
    with pytest.raises((OSError, LookupError)):
        sandbox.CHECKS[check](tmp_path, [])


@pytest.mark.parametrize("check", ["seccomp", "privilege-escalation", "privileged"])
def test_a_status_without_the_line_is_inconclusive(tmp_path: Path, check: str) -> None:
    changed(tmp_path, {**RESTRICTED, "proc/self/status": "Name:\tpython\n"})
    with pytest.raises(LookupError, match="/proc/self/status has no "):
        sandbox.CHECKS[check](tmp_path, [])


def test_a_parent_that_is_no_container_runtime_is_not_of_the_node(tmp_path: Path) -> None:
    parent = {**status(PPid="7"), "proc/7/status": "Name:\tbash\nPPid:\t0\n"}
    changed(tmp_path, {**RESTRICTED, **parent})
    assert sandbox.CHECKS["host-pid"](tmp_path, []) == (False, "no process of the node is a parent of this one")


def test_a_file_with_the_name_of_a_runtimes_socket_is_none(tmp_path: Path) -> None:
    changed(tmp_path, {**RESTRICTED, "run/docker.sock": ""})
    assert sandbox.CHECKS["docker-socket"](tmp_path, [])[0] is False


def test_a_user_namespace_shows_in_the_map_of_user_ids(tmp_path: Path) -> None:
    changed(tmp_path, {**RESTRICTED})
    assert sandbox.CHECKS["user-namespace"](tmp_path, []) == (True, "user ID 0 is 65536 outside (65536 IDs)")
    changed(tmp_path, {"proc/self/uid_map": "         0          0 4294967295\n"})
    assert not sandbox.CHECKS["user-namespace"](tmp_path, [])[0]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("deny: [sandbox://docker-sock]", "unknown sandbox check 'docker-sock'; did you mean docker-socket?"),
        ("allow: [sandbox://root]", "sandbox://root belongs on the deny list"),
        ("deny: [sandbox://user-namespace]", "sandbox://user-namespace belongs on the allow list"),
        ("deny: [{target: sandbox://root, allowed: [CHOWN]}]", "is a setting of sandbox://capabilities and"),
        ("deny: [{target: sandbox://capabilities, allowed: [NET_RAWS]}]", "'NET_RAWS'; did you mean NET_RAW?"),
        ("deny: [{target: sandbox://host-mounts, allowed: [/srv, data]}]", "found 'data'; expected a mount point"),
        ("deny: ['sandbox://root@db:80']", "'root@db:80'"),
    ],
)
def test_a_mistake_names_its_key(tmp_path: Path, entry: str, message: str) -> None:
    file = tmp_path / "netproof.yaml"
    file.write_text(entry)
    with pytest.raises(ConfigError, match=r"netproof\.yaml:1: ") as caught:
        load([file], lambda: Notify)
    assert message in str(caught.value)


def test_a_run_of_sandbox_checks_needs_no_network_and_no_allow_list() -> None:
    done = netproof("check", "--settle", "0", "--deny", "sandbox://root", "--output", "json")
    (check,) = json.loads(done.stdout)["checks"]
    seen = ("possible", "violation", 1) if os.geteuid() == 0 else ("impossible", "pass", 0)
    assert (check["outcome"], check["verdict"], done.returncode) == seen
    assert "container" in check["meaning"]


def test_a_control_leaves_sandbox_checks_out(tmp_path: Path) -> None:
    file = tmp_path / "netproof.yaml"
    file.write_text("role: control\ndeny: ['db:80', sandbox://root]\n")
    plan = load([file], lambda: Notify)
    assert [str(check.target) for check in plan.checks] == ["tcp://db:80"]
