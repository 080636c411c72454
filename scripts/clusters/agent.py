# SPDX-License-Identifier: BSD-3-Clause
"""agent - runs on a host, sent there by hosts.py: facts about it, and connections to other agents.

It asks programs and files that every Debian has; their names are looked up in the PATH that ssh gives without a terminal,
which is the one mpirun gets. CLUSTER_ROOT is put before the names of files (tests have a tree of their own).
"""
import base64
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time

ROOT = os.environ.get("CLUSTER_ROOT", "")
PINGS, ROUNDS, BULK = 64, 4, 4 << 20


def text_of(path):
    try:
        with open(ROOT + path, encoding="utf-8", errors="replace") as file:
            return file.read().strip("\0\n ")
    except OSError:
        return ""


def output(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=15, check=False).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


def build_id(path):
    """The GNU build-id of an ELF file (note type 3), or ''. Class 64, little endian: else it could not run here."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError:
        return ""
    if data[:6] != b"\x7fELF\x02\x01":
        return ""
    table, = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    for i in range(count):
        kind, _, start, _, _, length = struct.unpack_from("<IIQQQQ", data, table + i * size)
        at = start
        while kind == 4 and at + 12 <= start + length:  # PT_NOTE
            name, content, note = struct.unpack_from("<III", data, at)
            body = at + 12 + (name + 3 & ~3)
            if note == 3 and data[at + 12:at + 12 + name] == b"GNU\0":
                return data[body:body + content].hex()
            at = body + (content + 3 & ~3)
    return ""


def interfaces():
    """[name, address/bits] of each IPv4 interface but lo. One that was set down keeps its address, but nobody uses it."""
    found = []
    for link in json.loads(output("ip", "-j", "-4", "addr") or "[]"):
        for address in link.get("addr_info", []) if "UP" in link.get("flags", []) else []:
            if address.get("family") == "inet" and link["ifname"] != "lo":
                found.append([link["ifname"], f"{address['local']}/{address['prefixlen']}"])
    return found


def temperature():
    """Degrees of the first thermal zone, or None."""
    text = text_of("/sys/class/thermal/thermal_zone0/temp")
    return int(text) / 1000 if text.lstrip("-").isdigit() else None


def throttled():
    """The Raspberry Pi's bits: 0 under-voltage, 1 frequency capped, 2 throttled, 3 too warm; + 16: since boot."""
    text = output("vcgencmd", "get_throttled").rpartition("=")[2] or \
        text_of("/sys/devices/platform/soc/soc:firmware/get_throttled")
    try:
        return int(text, 16)
    except ValueError:
        return None


def processors():
    """The kinds of processor by their ARM part numbers; none on other machines."""
    fields = (line.partition(":") for line in text_of("/proc/cpuinfo").splitlines())
    return sorted({value.strip() for key, _, value in fields if key.strip() == "CPU part"})


def memory():
    fields = dict(line.split(":") for line in text_of("/proc/meminfo").splitlines() if ":" in line)
    return {key: int(fields.get(key, "0").split()[0]) * 1024 for key in ("MemTotal", "MemAvailable")}


def library_of(program):
    """Where the loader finds libbramble for this program."""
    for line in output("ldd", program).splitlines():
        words = line.split()
        if words and words[0].startswith("libbramble.so"):
            return words[2] if len(words) > 2 and words[2].startswith("/") else "not found"
    return ""


def free_bytes(directory):
    words = output("df", "--output=avail", "-B1", directory).split()
    return int(words[-1]) if words and words[-1].isdigit() else 0


def installed_library():
    """The libbramble that the loader of this host finds for programs to come, or ''."""
    for line in output(shutil.which("ldconfig") or "/sbin/ldconfig", "-p").splitlines():
        words = line.split()
        if words and words[0].startswith("libbramble.so.") and words[-1].startswith("/"):
            return words[-1]
    return ""


def program_facts(program):
    library = library_of(program)
    return {"exists": os.path.isfile(program), "runs": os.access(program, os.X_OK), "build_id": build_id(program),
            "library": library, "library_id": build_id(library)}


def facts(program=None, directory=None):
    name = output("hostname")
    looked_up = output("getent", "ahostsv4", name).split()
    directory = os.path.abspath(directory or os.getcwd())
    there = os.path.isdir(directory)
    answer = {
        "hostname": name, "machine_id": text_of("/etc/machine-id"), "own_address": looked_up[0] if looked_up else "",
        "interfaces": interfaces(), "user": output("id", "-un"), "bits": output("getconf", "LONG_BIT"),
        "machine": output("uname", "-m"), "mpirun": shutil.which("mpirun") or "", "orted": shutil.which("orted") or "",
        "mpi_version": output("mpirun", "--version").partition("\n")[0], "cores": int(output("nproc") or 0),
        "cpu": processors(),
        "temperature": temperature(), "throttled": throttled(),
        "directory": directory, "directory_there": there,
        "disk": free_bytes(directory) if there else None,
    }
    answer.update(memory())
    answer["library"] = installed_library()
    answer["library_id"] = build_id(ROOT + answer["library"]) if answer["library"] else ""
    if program:
        answer["program"] = program_facts(program)
    return answer


def exactly(connection, count):
    data = bytearray()
    while len(data) < count:
        piece = connection.recv(min(count - len(data), 1 << 18))
        if not piece:
            raise OSError("the connection was closed")
        data += piece
    return data


def serve(listener):
    """The other side of connect()."""
    try:
        connection, _ = listener.accept()
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for _ in range(PINGS):
                connection.sendall(exactly(connection, 1))
            for _ in range(ROUNDS):
                exactly(connection, BULK)
                connection.sendall(b".")
    except OSError:
        pass
    listener.close()


def listen():
    """A port of the kernel's choice, as Open MPI takes them."""
    listener = socket.create_server(("", 0))
    listener.settimeout(20)
    threading.Thread(target=serve, args=(listener,), daemon=True).start()
    return {"port": listener.getsockname()[1]}


def connect(address, port):
    """Half of a round trip towards that agent in microseconds, the median; and megabits a second, at best: whatever
    else the hosts do only adds to that time."""
    try:
        with socket.create_connection((address, port), timeout=5) as connection:
            connection.settimeout(20)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            trips = []
            for _ in range(PINGS):
                start = time.perf_counter()
                connection.sendall(b".")
                exactly(connection, 1)
                trips.append(time.perf_counter() - start)
            rounds = []
            for _ in range(ROUNDS):
                start = time.perf_counter()
                connection.sendall(bytes(BULK))
                exactly(connection, 1)
                rounds.append(time.perf_counter() - start)
    except OSError as error:
        return {"error": str(error)}
    return {"latency_us": sorted(trips)[PINGS // 2] / 2 * 1e6, "mbit": BULK * 8 / min(rounds) / 1e6}


def clock():
    return {"clock": float(output("date", "+%s.%N") or 0)}


def put(path, mode, data):
    """A file below a directory of this user's alone; complete or absent."""
    top = "/".join(path.split("/")[:3])
    try:
        os.makedirs(top, 0o700, exist_ok=True)
        if os.stat(top).st_uid != os.getuid():
            return {"error": f"{top} belongs to somebody else"}
        os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
        with open(path + ".part", "wb") as file:
            file.write(base64.b64decode(data))
        os.chmod(path + ".part", mode)
        os.replace(path + ".part", path)
    except OSError as error:
        return {"error": error.strerror}
    return {}


def shell(text):
    done = subprocess.run(["/bin/sh", "-c", text], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    return {"code": done.returncode, "output": done.stdout}


QUESTIONS = {"facts": facts, "clock": clock, "listen": listen, "connect": connect, "put": put, "shell": shell}

if __name__ == "__main__":
    for line in sys.stdin.buffer:
        question = json.loads(line)
        print(json.dumps(QUESTIONS[question.pop("what")](**question)), flush=True)
