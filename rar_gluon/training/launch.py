"""`rar launch`: a command on several workers that train as one (KVStore dist_sync), here or on other machines by ssh.

MXNet ships a launcher (mxnet/tools/launch.py on dmlc_tracker), which is not used: it needs Python before 3.9
(Thread.isAlive), starts all roles at once although most such runs hang, leaves processes behind, and does not end the
workers when one fails. Mending these would leave little of it.
"""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Dict, List, Sequence

from rar_gluon import _physical_cores
from rar_gluon.common import InputError, say

# A whole scheduler or server: DMLC_ROLE makes the import run it.
SERVICE = (sys.executable, "-c", "import rar_gluon, mxnet")
SSH = ("ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=15", "-o", "ServerAliveInterval=15", "--")
CONNECTED = "the scheduler is connected to"  # its log, with PS_VERBOSE=1
LISTENING = 120.0  # seconds until the scheduler must listen: the import of MXNet on a busy machine
SAVING = 60.0  # seconds that workers have, when asked to end, until the first has
FOLLOWING = 5.0  # seconds that the others have then
# A process group that leaves with its launcher: a line on its input passes SIGTERM on, the input's end kills. The end
# comes when the launcher, or the connection, is gone too, whatever it died of.
GUARD = """exec 3<&0
{ trap '' TERM; while read -r line <&3; do kill -TERM -$$; done; kill -KILL -$$; } </dev/null >/dev/null 2>&1 &
"""


@dataclass
class Process:
    """One process of a job, or the ssh that holds it."""

    name: str
    popen: subprocess.Popen
    unfinished: bytes = b""

    @property
    def running(self) -> bool:
        return self.popen.poll() is None

    @property
    def status(self) -> int:
        """As a shell would say it: 128 + the signal's number."""
        code = self.popen.returncode
        return code if code >= 0 else 128 - code


class Job:
    """Processes whose lines `show` gets as they come; leaving the `with` block ends every one of them."""

    def __init__(self, show: Callable[[str, str], None]):
        self.services: List[Process] = []
        self.workers: List[Process] = []
        self._show = show
        self._selector = selectors.DefaultSelector()

    def __enter__(self) -> Job:
        return self

    def __exit__(self, *_) -> None:
        try:
            self._ask_to_end()
        finally:
            for process in self.services + self.workers:
                with contextlib.suppress(OSError):
                    process.popen.stdin.close()
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.popen.pid, signal.SIGKILL)
                process.popen.wait()
            limit = time.monotonic() + 1
            while self._selector.get_map() and time.monotonic() < limit:
                self.read(0.1)

    def start(self, name: str, command: Sequence[str], environment: Dict[str, str], host: str | None) -> Process:
        """Start `command` in this folder, here or on `host`."""
        settings = " ".join(f"{name}={shlex.quote(value)}" for name, value in environment.items())
        script = f"cd {shlex.quote(os.getcwd())} && export {settings} || exit\n{GUARD}"
        if host is not None:  # the address that `host` was reached by: others reach it by that too
            script += "export DMLC_NODE_HOST=$(set -- $SSH_CONNECTION; echo $3)\n"
        script += f"exec {shlex.join(command)} </dev/null 3<&-"
        start = ["sh", "-c", script] if host is None else [*SSH, host, f"exec sh -c {shlex.quote(script)}"]
        pipe = subprocess.PIPE
        popen = subprocess.Popen(start, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, start_new_session=True)
        process = Process(name, popen)
        self._selector.register(popen.stdout, selectors.EVENT_READ, process)
        return process

    def read(self, seconds: float) -> None:
        """Show what the processes write, waiting up to `seconds` for it."""
        for key, _ in self._selector.select(seconds):
            process, chunk = key.data, os.read(key.fd, 1 << 16)
            *lines, process.unfinished = re.split(rb"[\r\n]+", process.unfinished + chunk)  # \r: progress bars
            if not chunk:
                self._selector.unregister(key.fileobj)
                lines, process.unfinished = [*lines, process.unfinished], b""
            for line in lines:
                if line.strip():
                    self._show(process.name, line.decode(errors="replace"))

    def _ask_to_end(self) -> None:
        """Send the workers SIGTERM and wait for them. One saves, the others may have nothing to do but wait for it."""
        for worker in self.workers:
            with contextlib.suppress(OSError):
                worker.popen.stdin.write(b"\n")
                worker.popen.stdin.flush()
        limit = time.monotonic() + SAVING
        while any(worker.running for worker in self.workers) and time.monotonic() < limit:
            if not all(worker.running for worker in self.workers):
                limit = min(limit, time.monotonic() + FOLLOWING)
            self.read(0.1)


def launch(
    command: Sequence[str],
    workers: int,
    servers: int = 1,
    hosts: Sequence[str] | None = None,
    port: int = 0,
    join_seconds: float = 300.0,
) -> int:
    """Run `command` on workers that share a KVStore; returns 0, or the status of the first process that failed.

    Parameters
    ----------
    servers : processes that add the gradients up.
    hosts : machines for ssh, worker and server i on host i modulo their number; None: this one. They need the same
        folders as this one, and reach each other by the addresses given here. The scheduler runs here.
    port : of the scheduler; 0: any that is free.
    join_seconds : time that workers have to create their KVStore.

    Raises
    ------
    InputError
        The command, the port or a host is not there; or a worker never joined.
    """
    if min(workers, servers) < 1:
        raise InputError(f"{workers} workers and {servers} servers are given, but at least one of each is needed.")
    program = shutil.which(command[0]) if command else None
    if program is None:
        raise InputError(f"there is no command {command[0]!r}." if command else "the command to launch is missing.")
    machines = list(hosts) if hosts else [None]
    environment = {
        "DMLC_PS_ROOT_URI": _own_address(hosts) if hosts else "127.0.0.1",
        "DMLC_PS_ROOT_PORT": str(_free_port(port)),
        "DMLC_NUM_WORKER": str(workers),
        "DMLC_NUM_SERVER": str(servers),
        "PYTHONUNBUFFERED": "1",
        "TQDM_MININTERVAL": "5",  # seconds: each state of a progress bar becomes a line
        **{k: v for k, v in os.environ.items() if k == "LD_LIBRARY_PATH" or k.startswith("MXNET_")},  # ssh drops them
        **_threads(workers, local=not hosts),
    }
    if not hosts:
        environment["DMLC_NODE_HOST"] = "127.0.0.1"
    log: List[str] = []

    def show(name: str, line: str) -> None:
        if name == "scheduler":
            log.append(line)
        else:
            print(f"[{name}] {line}", flush=True)

    with Job(show) as job:
        scheduler = job.start("scheduler", SERVICE, {**environment, "DMLC_ROLE": "scheduler", "PS_VERBOSE": "1"}, None)
        job.services.append(scheduler)
        limit = time.monotonic() + LISTENING
        while not _listens(environment["DMLC_PS_ROOT_URI"], int(environment["DMLC_PS_ROOT_PORT"])):
            job.read(0.1)
            if not scheduler.running or time.monotonic() > limit:
                raise InputError(f"the scheduler does not start; it said: {' '.join(log[-3:]) or 'nothing'}.")
        for index in range(servers):
            host, settings = machines[index % len(machines)], {**environment, "DMLC_ROLE": "server"}
            job.services.append(job.start(f"server {index}", SERVICE, settings, host))
        for index in range(workers):
            host = machines[index % len(machines)]
            settings = {**environment, "DMLC_ROLE": "worker", "DMLC_TASK_ID": str(index)}
            job.workers.append(job.start(str(index), [os.path.abspath(program), *command[1:]], settings, host))
        limit = time.monotonic() + join_seconds
        while True:
            ended = not any(worker.running for worker in job.workers)
            job.read(0.2)
            failed = next((p for p in job.workers + job.services if not p.running and p.status), None)
            if failed is not None:
                kind = "worker " if failed in job.workers else ""
                say(f"rar: {kind}{failed.name} ended with status {failed.status}.")
                return failed.status
            if ended:
                return 0
            if time.monotonic() > limit and not any(CONNECTED in line for line in log):
                raise InputError(
                    f"not all of {workers} workers joined within {join_seconds:g} s: does the command create a "
                    "dist_sync KVStore, and do all machines reach each other?"
                )


def read_hosts(path: Path) -> List[str]:
    """Machines of a file, one a line, as ssh takes them; # begins a comment."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: give a text file with a host a line.") from error
    hosts = [host for host in (line.split("#")[0].strip() for line in lines) if host]
    if not hosts:
        raise InputError(f"{path} names no host: write one a line.")
    return hosts


def _threads(workers: int, local: bool) -> Dict[str, str]:
    """OMP_NUM_THREADS of a worker: the user's; else, here, its share of the cores, elsewhere what the package sets.

    The package has set all cores where the user set nothing, so that value is not taken for a user's.
    """
    cores = _physical_cores()
    threads = os.environ.get("OMP_NUM_THREADS", str(cores))
    if threads != str(cores):
        return {"OMP_NUM_THREADS": threads}
    return {"OMP_NUM_THREADS": str(max(1, cores // workers))} if local else {}


def _own_address(hosts: Sequence[str]) -> str:
    """Address of this machine as the hosts see it; checks that ssh reaches each."""
    addresses = []
    for host in hosts:
        answer = subprocess.run([*SSH, host, "echo $SSH_CONNECTION"], capture_output=True, text=True, check=False)
        if answer.returncode or not answer.stdout.split():
            said = " ".join(answer.stderr.split()) or "nothing"
            raise InputError(f"ssh does not reach {host} without a password; it says: {said}")
        addresses.append(answer.stdout.split()[0])
    return next((address for address in addresses if address not in ("127.0.0.1", "::1")), addresses[0])


def _free_port(port: int) -> int:
    """The port itself, or any for 0; `InputError` when it is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except (OSError, OverflowError) as error:
            raise InputError(f"port {port} cannot be used ({error}): give another --port, or none.") from error
        return probe.getsockname()[1]


def _listens(address: str, port: int) -> bool:
    """Tell whether somebody listens; a socket that by chance was connected to itself does not count."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((address, port)) == 0 and probe.getsockname() != probe.getpeername()
