import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from rar_gluon.common import InputError
from rar_gluon.training.distributed import kvstore
from rar_gluon.training.launch import launch, read_hosts

# Every job runs in a process of its own, so that a job that hangs fails one test.
RUN = """
import sys
from rar_gluon.common import InputError, Stopped, stoppable
from rar_gluon.training import launch as module
{set}
try:
    with stoppable():
        sys.exit(module.launch(sys.argv[1:], workers=2, {arguments}))
except InputError as error:
    print("rar:", error, file=sys.stderr)
    sys.exit(2)
except Stopped as stop:
    sys.exit(128 + stop.number)
except KeyboardInterrupt:
    sys.exit(130)
"""
SERVICE = """
import os, socket, sys, time
if os.environ["DMLC_ROLE"] == "scheduler":
    sockets = socket.create_server(("127.0.0.1", int(os.environ["DMLC_PS_ROOT_PORT"])))
    print("the scheduler is connected to all", flush=True)
time.sleep(100)
"""
NO_MXNET = f"module.SERVICE = (sys.executable, '-c', {SERVICE!r})"
ALONE = f"module.SERVICE = (sys.executable, '-c', {SERVICE.replace('connected', 'waiting')!r})"


def start(*command, set=NO_MXNET, arguments="", **environment):
    code = RUN.format(set=set, arguments=arguments)
    env = {**os.environ, **environment}
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", code, *command], stdout=pipe, stderr=pipe, text=True, env=env)


def run(*command, timeout=60, **settings):
    job = start(*command, **settings)
    try:
        output, errors = job.communicate(timeout=timeout)
    finally:
        job.kill()
    return job.returncode, output, errors


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(test, seconds=20):
    limit = time.monotonic() + seconds
    while not test():
        assert time.monotonic() < limit, "timed out"
        time.sleep(0.05)


def pids(folder, count):
    wait_until(lambda: len([path for path in folder.glob("pid*") if path.read_text()]) == count)
    return [int(path.read_text()) for path in folder.glob("pid*")]


def test_workers_get_their_places_and_lines_their_worker():
    script = 'printf "%s of %s\\r\\r50 %%\\rlast" "$DMLC_TASK_ID $DMLC_ROLE $OMP_NUM_THREADS" $DMLC_NUM_WORKER'
    status, output, errors = run("sh", "-c", script, OMP_NUM_THREADS="7")
    assert (status, errors) == (0, "")
    lines = [f"[{i}] {line}" for i in (0, 1) for line in (f"{i} worker 7 of 2", "50 %", "last")]
    assert sorted(output.splitlines()) == sorted(lines)


def test_cores_are_shared():
    set = NO_MXNET + "\nmodule._physical_cores = lambda: 6"
    _, output, _ = run("sh", "-c", "echo $OMP_NUM_THREADS", set=set, OMP_NUM_THREADS="6")
    assert sorted(output.splitlines()) == ["[0] 3", "[1] 3"]


def test_one_failure_ends_the_job_with_its_status(tmp_path):
    script = 'echo $$ > "$0/pid$DMLC_TASK_ID"; [ $DMLC_TASK_ID = 0 ] && exec sleep 100; echo no luck; exit 7'
    before = time.monotonic()
    status, output, errors = run("sh", "-c", script, str(tmp_path))
    assert status == 7 and errors == "rar: worker 1 ended with status 7.\n"
    assert output == "[1] no luck\n"
    assert time.monotonic() - before < 15
    assert not any(is_running(pid) for pid in pids(tmp_path, 2))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_outlives_the_job(tmp_path, number):
    """Workers are asked, so that one can save, and do it; their children end too, and even a killed job's."""
    script = """
        sleep 100 & echo $! > "$0/pid_child$DMLC_TASK_ID"
        trap 'echo saved; exit 1' TERM
        echo $$ > "$0/pid$DMLC_TASK_ID"
        wait; sleep 100
    """
    job = start("sh", "-c", script, str(tmp_path))
    left = pids(tmp_path, 4)
    job.send_signal(number)
    output, _ = job.communicate(timeout=30)
    wait_until(lambda: not any(is_running(pid) for pid in left), 5)
    if number == signal.SIGKILL:
        assert job.returncode == -number
    else:
        assert job.returncode == 128 + number
        assert sorted(output.splitlines()) == ["[0] saved", "[1] saved"]


def test_a_worker_that_does_not_listen_is_killed(tmp_path):
    """A worker that waits for others in MXNet's C++ never sees the signal: it gets seconds once another has ended."""
    script = 'echo $$ > "$0/pid$DMLC_TASK_ID"; [ $DMLC_TASK_ID = 0 ] && trap "" TERM; sleep 100'
    job = start("sh", "-c", script, str(tmp_path), set=NO_MXNET + "\nmodule.FOLLOWING = 0.5")
    left = pids(tmp_path, 2)
    job.send_signal(signal.SIGTERM)
    job.communicate(timeout=30)
    wait_until(lambda: not any(is_running(pid) for pid in left), 5)


def test_a_worker_that_never_joins():
    status, _, errors = run("sleep", "100", set=ALONE, arguments="join_seconds=0.5")
    assert status == 2 and errors.startswith("rar: not all of 2 workers joined within 0.5 s:")


def test_a_scheduler_that_does_not_start():
    broken = "module.SERVICE = ('sh', '-c', 'echo no such library; exit 3')"
    status, _, errors = run("sleep", "100", set=broken)
    assert (status, errors) == (2, "rar: the scheduler does not start; it said: no such library.\n")


@pytest.fixture
def ssh(tmp_path):
    """A made-up ssh: runs the command here as sshd would, without the launcher's variables; refuses the host `away`."""
    path = tmp_path / "bin" / "ssh"
    path.parent.mkdir()
    path.write_text(
        '#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done\n'
        '[ "$2" = away ] && { echo "ssh: away: No route" >&2; exit 255; }\n'
        'exec env -i PATH="$PATH" HOST="$2" SSH_CONNECTION="127.0.0.1 1000 127.0.0.2 22" sh -c "$3"\n'
    )
    path.chmod(0o755)
    return f"{path.parent}:{os.environ['PATH']}"


def test_hosts(ssh):
    script = 'echo $HOST "it\'s $0" $DMLC_NODE_HOST $DMLC_PS_ROOT_URI $OMP_NUM_THREADS; pwd'
    settings = {"PATH": ssh, "OMP_NUM_THREADS": "5", "MXNET_X": "passed"}
    status, output, errors = run("sh", "-c", script, 'a "b" $c', arguments="hosts=['one', 'two']", **settings)
    assert (status, errors) == (0, "")
    said = sorted(line for line in output.splitlines() if "it's" in line)
    assert said == [f'[{i}] {host} it\'s a "b" $c 127.0.0.2 127.0.0.1 5' for i, host in enumerate(["one", "two"])]
    assert output.count(os.getcwd()) == 2


def test_a_host_out_of_reach(ssh):
    status, _, errors = run("sleep", "9", arguments="hosts=['one', 'away']", PATH=ssh)
    assert status == 2
    assert errors == "rar: ssh does not reach away without a password; it says: ssh: away: No route\n"


def test_unusable_input(tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r"^there is no command 'no-such-command'\.$"):
        launch(["no-such-command"], 2)
    with pytest.raises(InputError, match=r"^the command to launch is missing\.$"):
        launch([], 2)
    with pytest.raises(InputError, match="at least one of each"):
        launch(["sleep", "1"], 0)
    with socket.create_server(("", 0)) as taken, pytest.raises(InputError, match="cannot be used"):
        launch(["sleep", "1"], 2, port=taken.getsockname()[1])
    monkeypatch.delenv("DMLC_ROLE", raising=False)
    with pytest.raises(InputError, match="rar launch"), kvstore("dist_sync"):
        pass


def test_hosts_file(tmp_path):
    path = tmp_path / "hosts.txt"
    path.write_text("10.0.0.1  # first\n\nubuntu@10.0.0.2\n")
    assert read_hosts(path) == ["10.0.0.1", "ubuntu@10.0.0.2"]
    path.write_text("# none\n")
    for wrong in (path, tmp_path / "absent"):
        with pytest.raises(InputError):
            read_hosts(wrong)


TRAIN = """
import sys

import numpy as np
import rar_gluon
from mxnet import autograd, gluon, nd
from rar_gluon.training.distributed import kvstore, share_parameters

name, output, fails = sys.argv[1:]
random = np.random.default_rng(3)
inputs, targets = random.normal(size=(12, 16, 4, 4)).astype("f"), random.normal(size=(12, 2)).astype("f")
net = gluon.nn.HybridSequential()
net.add(gluon.nn.Conv2D(16, 3, activation="tanh", in_channels=16), gluon.nn.Dense(2, in_units=64))
net.initialize()
for parameter in net.collect_params().values():
    parameter.set_data(nd.array(random.normal(size=parameter.shape) / 8))
net(nd.array(inputs)).wait_to_read()  # leaves the kernel in oneDNN's layout
with kvstore(name) as store:
    sgd = {"learning_rate": 0.05, "momentum": 0.9, "wd": 1e-3}
    trainer = gluon.Trainer(net.collect_params(), "sgd", sgd, kvstore=store, update_on_kvstore=False)
    share_parameters(trainer)
    mine = slice(store.rank, None, store.num_workers)
    for step in range(5):
        if fails == "yes" and store.rank == 1 and step == 2:
            raise SystemExit(5)
        with autograd.record():
            loss = nd.square(net(nd.array(inputs[mine])) - nd.array(targets[mine])).sum()
        loss.backward()
        trainer.step(len(inputs))
    values = [parameter.data().asnumpy() for parameter in net.collect_params().values()]
    np.save(f"{output}/{name}{store.rank}.npy", np.concatenate([value.ravel() for value in values]))
"""


@pytest.mark.slow
def test_two_workers_train_as_one(tmp_path):
    train = [sys.executable, "-c", TRAIN]
    status, output, errors = run(*train, "dist_sync", str(tmp_path), "no", set="", timeout=120)
    assert status == 0, output + errors
    subprocess.run([*train, "local", str(tmp_path), "no"], check=True, timeout=60)
    first, second, alone = (np.load(tmp_path / f"{name}.npy") for name in ("dist_sync0", "dist_sync1", "local0"))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_allclose(first, alone, atol=1e-6)


@pytest.mark.slow
def test_a_worker_that_leaves_ends_the_training(tmp_path):
    """Without `kvstore` it would wait at its end for the others, which wait for its gradients."""
    status, output, errors = run(
        *(sys.executable, "-c", TRAIN, "dist_sync", str(tmp_path), "yes"), set="", arguments="servers=2", timeout=120
    )
    assert status == 5, output + errors
