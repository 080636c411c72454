# SPDX-License-Identifier: BSD-3-Clause
"""hosts - the hostfile, and an agent on each of its hosts that answers questions.

The agent (agent.py) is sent over ssh and speaks lines of JSON: a question on its stdin, an answer on its stdout. It ends
when its stdin does, so nothing is left on a host whatever happens here.
"""
import base64
import json
import os
import re
import select
import shlex
import socket
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
START = 'exec python3 -u -c "import sys; exec(sys.stdin.buffer.read(int(sys.stdin.buffer.readline())))"'
# BatchMode: a prompt would wait for somebody who does not see it, as it would under mpirun.
SSH_OPTIONS = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=8"]

# What ssh says: what that means, and what to do. The first one that fits counts.
REFUSALS = [
    (r"REMOTE HOST IDENTIFICATION HAS CHANGED", "its host key has changed (was its card written anew?)",
     "ssh-keygen -R {name}; then ssh {name} once, and answer yes if you know why"),
    (r"Host key verification failed|authenticity of host", "its host key is not known here, so ssh would ask",
     "ssh {name} once, and answer yes"),
    (r"[Pp]ermission denied|[Pp]assword", "ssh would ask for a password",
     "ssh-keygen -t ed25519 (once, without a passphrase), then ssh-copy-id {name}"),
    (r"[Cc]ould not resolve|Name or service not known|Temporary failure in name", "its name has no address here",
     "add a line with its address and name to /etc/hosts of every host"),
    (r"Connection refused", "no ssh server answers there", "on {name}: sudo systemctl enable --now ssh"),
    (r"No route to host|Network is unreachable|timed out|no answer", "it does not answer",
     "look at its power and cable, and whether its address is still the same"),
    (r"python3.*(not found|No such file)", "it has no python3", "on {name}: sudo apt install python3"),
]


class Problem(Exception):
    """Wrong usage: one line for the user."""


class Host:
    """A line of the hostfile, and the agent on it once it has been started."""

    def __init__(self, name, slots):
        self.login, self.slots = name, slots
        self.name = name.rsplit("@", 1)[-1]
        self.agent, self.refusal, self.stderr = None, None, ""

    def __str__(self):
        return self.name

    def is_here(self):
        return self.name in ("localhost", socket.gethostname(), socket.getfqdn())

    def command(self, ssh, text):
        """What runs a shell command on this host."""
        if self.is_here() and "@" not in self.login:
            return ["/bin/sh", "-c", text]
        words = shlex.split(ssh)
        options = SSH_OPTIONS if os.path.basename(words[0]) == "ssh" else []
        return words + options + [self.login, text]

    def start(self, ssh):
        """Starts the agent; ask() finds out whether that worked."""
        self.agent = subprocess.Popen(self.command(ssh, START), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE)
        with open(os.path.join(HERE, "agent.py"), "rb") as file:
            source = file.read()
        self.write(b"%d\n%s" % (len(source), source))

    def write(self, data):
        try:
            self.agent.stdin.write(data)
            self.agent.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended: ask() finds out why

    def ask(self, seconds=20, **question):
        """The answer to a question, or None when the host refuses; then self.refusal says why and what to do."""
        if self.refusal:
            return None
        self.post(**question)
        return self.answer(seconds)

    def post(self, **question):
        self.write(json.dumps(question).encode() + b"\n")

    def answer(self, seconds=20):
        end = time.monotonic() + seconds
        line = b""
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([self.agent.stdout], [], [], max(0, end - time.monotonic()))
            piece = os.read(self.agent.stdout.fileno(), 1 << 16) if ready else b""
            if not piece:
                self.give_up("" if ready else "no answer")
                return None
            line += piece
        return json.loads(line)

    def put(self, path, there):
        """Copies a file of this host to a path below /tmp/bramble-UID; returns what went wrong, or None."""
        with open(path, "rb") as file:
            data = base64.b64encode(file.read()).decode()
        answer = self.ask(300, what="put", path=there, mode=os.stat(path).st_mode & 0o777, data=data)
        return self.refusal[0] if answer is None else answer.get("error")

    def give_up(self, why):
        self.agent.kill()
        _, error = self.agent.communicate()
        self.stderr = error.decode(errors="replace").strip() or why or "the connection was closed"
        for pattern, what, fix in REFUSALS:
            if re.search(pattern, self.stderr):
                self.refusal = (what, fix.format(name=self.login))
                return
        self.refusal = (f"ssh said: {self.stderr.splitlines()[-1]}", f"try it by hand: ssh {self.login} true")

    def stop(self):
        if self.agent and self.agent.poll() is None:
            self.agent.stdin.close()
            try:
                self.agent.wait(5)
            except subprocess.TimeoutExpired:
                self.agent.kill()


def read(path):
    """The hosts of a hostfile, in its order; several lines of one host add up, as for mpirun."""
    found = {}
    try:
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines()
    except OSError as error:
        raise Problem(f"{path}: {error.strerror}") from error
    for number, line in enumerate(lines, 1):
        words = line.split("#")[0].split()
        if not words:
            continue
        slots = [w.split("=")[1] for w in words[1:] if w.startswith("slots=")]
        if slots and not slots[0].isdigit():
            raise Problem(f"{path}:{number}: slots={slots[0]} is not a number")
        host = found.setdefault(words[0], Host(words[0], 0))
        host.slots += int(slots[0]) if slots else 1
    if not found:
        raise Problem(f"{path} names no host; it wants a host a line, as \"pi-0 slots=4\"")
    return list(found.values())


def start_all(path, ssh):
    """All hosts of a hostfile, their agents starting at the same time."""
    all_hosts = read(path)
    for host in all_hosts:
        host.start(ssh)
    return all_hosts


def stop_all(all_hosts):
    for host in all_hosts:
        host.stop()
