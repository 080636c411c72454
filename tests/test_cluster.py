#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""test_cluster.py - scripts/cluster against hosts that are made up: a stand-in for ssh runs what it is given here, with
programs and files of the host's own in front of the real ones. Each thing that can be wrong is made wrong once, and must be
found, alone, with what to do about it.

usage: test_cluster.py DIRECTORY    where the program 00_hello is
"""
import argparse
import ctypes
import errno
import glob
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import unittest
import unittest.mock

TOP = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
PROGRAM = os.path.abspath(os.path.join(sys.argv.pop(1), "00_hello")) if len(sys.argv) > 1 else ""
sys.path.insert(0, os.path.join(TOP, "scripts/clusters"))

SSH = """#!/bin/sh
root={work}/$1
if [ -f $root/refuses ]; then cat $root/refuses >&2; exit 255; fi
[ -f $root/alone ] && PATH= || PATH=:$PATH
export CLUSTER_ROOT=$root PATH=$root/bin$PATH
if [ -d $root/home ]; then cd $root/home; fi
exec /bin/sh -c "$2"
"""
IP = '[{{"ifname": "{0}", "flags": ["UP"], "addr_info": [{{"family": "inet", "local": "{1}", "prefixlen": {2}}}]}}]'


class Cluster:
    """Hosts in a directory of their own. Loopback addresses stand for theirs, so that connections are real."""

    def __init__(self, names=("pi-0", "pi-1", "pi-2")):
        self.work = tempfile.mkdtemp()
        self.write("rsh", SSH.format(work=self.work), 0o755)
        self.write("hosts", "".join(f"{name} slots=2\n" for name in names) + "# the end\n")
        for i, name in enumerate(names):
            self.program(name, "hostname", name)
            self.program(name, "getent", f"10.0.0.{i + 1} STREAM {name}")
            self.program(name, "ip", IP.format("eth0", f"127.0.0.{i + 11}", 24))
            self.program(name, "getconf", "64")
            self.program(name, "mpirun", "mpirun (Open MPI) 4.1.4")
            self.program(name, "orted", "")
            self.program(name, "vcgencmd", "throttled=0x0")
            self.program(name, "ldconfig", "1 libs found in cache")
            self.write(name + "/etc/machine-id", f"{i:032x}\n")
            self.write(name + "/sys/class/thermal/thermal_zone0/temp", "45123\n")

    def write(self, path, text, mode=0o644):
        path = os.path.join(self.work, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)

    def program(self, host, name, text):
        """A program of this host that prints text."""
        self.write(f"{host}/bin/{name}", f"#!/bin/sh\ncat <<'END'\n{text}\nEND\n", 0o755)

    def interfaces(self, host, *links):
        """Its (name, address), in networks of 24 bits. The host "here" is the machine that the command is given on."""
        self.program(host, "ip", "[" + ", ".join(IP.format(*link, 24)[1:-1] for link in links) + "]")

    def script(self, host, name, text):
        """A program of this host that runs text."""
        self.write(f"{host}/bin/{name}", f"#!/bin/sh\n{text}\n", 0o755)

    def lacks(self, host, name):
        """A host without this program: neither its own nor this machine's is in its PATH, but what agents need."""
        os.unlink(f"{self.work}/{host}/bin/{name}")
        for other in "cat", "date", "df", "id", "ldd", "nproc", "python3", "uname":
            os.symlink(shutil.which(other, path=os.defpath), f"{self.work}/{host}/bin/{other}")
        self.write(host + "/alone", "")

    def processors(self, *parts):
        """A host's two cores each, as the kernel shows them on ARM."""
        for i, part in enumerate(parts):
            cores = (f"processor\t: {core}\nCPU implementer\t: 0x41\nCPU part\t: {part}\n" for core in range(2))
            self.write(f"pi-{i}/proc/cpuinfo", "\n".join(cores))

    def run(self, *words, stand_in=True):
        path = f"{self.work}/here/bin:" + os.environ["PATH"]
        ssh = ["--ssh", os.path.join(self.work, "rsh")] if stand_in else []
        return subprocess.run([os.path.join(TOP, "scripts/cluster"), words[0], os.path.join(self.work, "hosts"), *ssh,
                               *words[1:]], capture_output=True, text=True, timeout=400, check=False, cwd=self.work,
                              env=dict(os.environ, PATH=path))

    def close(self):
        shutil.rmtree(self.work)


def table_of(text):
    """The first table of `check`: by host, its cells by the names of their columns."""
    header, *rows = (re.split("  +", line) for line in text.split("\n\n")[0].splitlines())
    return {row[0]: dict(zip(header, row, strict=True)) for row in rows}


class Check(unittest.TestCase):
    def setUp(self):
        self.cluster = Cluster()
        self.addCleanup(self.cluster.close)

    def finds(self, host, *texts, options=("--no-links",)):
        """One finding, of this host, with these texts; so nothing else may be found."""
        done = self.cluster.run("check", *options)
        found = re.findall(r"^ *\d+\. (.*?): (.*)\n +(.*)$", done.stdout, re.M)
        self.assertEqual((done.returncode, len(found)), (1, 1), done.stdout + done.stderr)
        self.assertEqual(found[0][0], host)
        for text in texts:
            self.assertIn(text, found[0][1] + "\n" + found[0][2])

    def test_batch_mode(self):
        """ssh itself, which is called where nothing else is said, may not ask for anything, nor wait forever."""
        work = self.cluster.work
        self.cluster.write("here/bin/ssh", f'#!/bin/sh\necho "$@" >>{work}/asked\nshift 4\nexec {work}/rsh "$@"\n', 0o755)
        done = self.cluster.run("check", "--no-links", stand_in=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        with open(work + "/asked", encoding="utf-8") as file:
            asked = [line.partition(" exec python3")[0] for line in file]
        self.assertEqual(sorted(asked), [f"-o BatchMode=yes -o ConnectTimeout=8 pi-{i}" for i in range(3)])

    def refuses(self, said, *texts):
        self.cluster.write("pi-1/refuses", said)
        self.finds("pi-1", *texts)

    def test_nothing(self):
        done = self.cluster.run("check")
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        self.assertIn("nothing to fix", done.stdout)
        self.assertRegex(done.stdout, r"pi-1 +2 +\d+ .*45 C +0x0 .* 4\.1\.4")
        self.assertEqual(len(re.findall(r"\d+ / \d+", done.stdout)), 6)

    def test_cells(self):
        """Each cell is what its host says, and a dash what it does not say."""
        for i in range(3):
            self.cluster.program(f"pi-{i}", "nproc", str(4 + i))
            self.cluster.program(f"pi-{i}", "df", f"Avail\n{(5 + i) << 29}")
            self.cluster.program(f"pi-{i}", "uname", f"armv{7 + i}")
            self.cluster.write(f"pi-{i}/proc/meminfo", f"MemTotal: {(7 + i) << 19} kB\nMemFree: 1 kB\n"
                                                       f"MemAvailable: {(1 + i) << 19} kB\n")
        self.cluster.script("pi-1", "date", "exec /bin/date -d '10000 seconds' \"$@\"")
        self.cluster.program("pi-1", "vcgencmd", "throttled=0x50000")
        self.cluster.program("pi-1", "mpirun", "mpirun (Open MPI) 5.0.3")
        os.unlink(self.cluster.work + "/pi-2/sys/class/thermal/thermal_zone0/temp")
        self.cluster.program("pi-2", "vcgencmd", "")
        self.cluster.program("pi-2", "mpirun", "")
        self.cluster.write("hosts", "pi-0 slots=4\npi@pi-1 slots=2\npi-2\npi@pi-1 slots=1\n")
        self.cluster.write("rsh", SSH.replace("/$1", "/${{1#pi@}}").format(work=self.cluster.work), 0o755)
        table = table_of(self.cluster.run("check", "--no-links").stdout)
        clocks = [float(table[host].pop("clock").removesuffix(" s")) for host in table]
        self.assertEqual(clocks[0], 0)
        self.assertAlmostEqual(clocks[1], 10000, delta=60)
        self.assertAlmostEqual(clocks[2], 0, delta=60)
        names = "host", "slots", "cores", "memory", "free", "disk", "temp.", "throttled", "machine", "Open MPI"
        self.assertEqual([tuple(row) for row in table.values()], 3 * [names])
        self.assertEqual([tuple(row.values()) for row in table.values()], [
            ("pi-0", "4", "4", "3.5 GiB", "0.5 GiB", "2.5 GiB", "45 C", "0x0", "armv7", "4.1.4"),
            ("pi-1", "3", "5", "4.0 GiB", "1.0 GiB", "3.0 GiB", "45 C", "0x50000", "armv8", "5.0.3"),
            ("pi-2", "1", "6", "4.5 GiB", "1.5 GiB", "3.5 GiB", "-", "-", "armv9", "-")])

    def test_links(self):
        """Latency is half of the median round trip, the rate that of the best round; from a row's host to a column's."""
        import agent
        import check
        import hosts
        spans = 33 * [100e-6] + 31 * [1] + [0.4, 0.2, 0.8, 0.5]
        with unittest.mock.patch("agent.time.perf_counter", side_effect=sum(([0, span] for span in spans), [])):
            it = agent.connect("127.0.0.1", agent.listen()["port"])
        self.assertEqual((round(it["latency_us"], 3), round(it["mbit"], 2)), (50, 167.77))
        answers = {(0, 1): it, (1, 0): {"latency_us": 7.4, "mbit": 93.6}, (0, 2): {"error": "refused"}, (2, 0): it,
                   (1, 2): {"latency_us": 8, "mbit": 9}, (2, 1): {"error": "refused"}}
        rows = check.link_table([hosts.Host(f"pi-{i}", 1) for i in range(3)], answers)
        self.assertEqual(list(rows), [["us / Mbit/s", "to pi-0", "to pi-1", "to pi-2"],
                                      ["pi-0", "", "50 / 168", "FAILED"],
                                      ["pi-1", "7 / 94", "", "8 / 9"],
                                      ["pi-2", "50 / 168", "FAILED", ""]])

    def test_password(self):
        self.refuses("pi@pi-1: Permission denied (publickey,password).", "password", "ssh-copy-id pi-1")

    def test_host_key(self):
        self.refuses("Host key verification failed.", "not known", "answer yes")

    def test_changed_host_key(self):
        self.refuses("@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.",
                     "ssh-keygen -R pi-1")

    def test_no_address(self):
        self.refuses("ssh: Could not resolve hostname pi-1: Name or service not known", "/etc/hosts")

    def test_no_server(self):
        self.refuses("ssh: connect to host pi-1 port 22: Connection refused", "enable --now ssh")

    def test_no_route(self):
        self.refuses("ssh: connect to host pi-1 port 22: No route to host", "cable")

    def test_no_python(self):
        self.refuses("/bin/sh: 1: exec: python3: not found", "apt install python3")

    def test_something_else(self):
        self.refuses("kex_exchange: gibberish", "ssh said: kex_exchange: gibberish", "ssh pi-1 true")

    def test_host_name_twice(self):
        self.cluster.program("pi-2", "hostname", "pi-1")
        self.finds("pi-2", "same host name pi-1 as pi-1", "hostnamectl")

    def test_machine_id_twice(self):
        self.cluster.write("pi-2/etc/machine-id", f"{1:032x}\n")
        self.finds("pi-2", "machine-id as pi-1", "systemd-machine-id-setup")

    def test_own_name_is_loopback(self):
        self.cluster.program("pi-1", "getent", "127.0.1.1 STREAM pi-1")
        self.finds("pi-1", "pi-1 means 127.0.1.1", "/etc/hosts")

    def test_own_name_unknown(self):
        self.cluster.program("pi-1", "getent", "")
        self.finds("pi-1", "no address")

    def test_wireless(self):
        both = IP.format("eth0", "127.0.0.12", 24)[:-1] + ", " + IP.format("wlan0", "192.168.7.5", 24)[1:]
        self.cluster.program("pi-1", "ip", both)
        self.finds("pi-1", "wlan0 (192.168.7.5/24) beside 127.0.0.0/24", "--mca btl_tcp_if_include 127.0.0.0/24")

    def test_wireless_at_home(self):
        """A cable and wlan0 in the same subnet. The machine that the command is given on has another name for its cable."""
        self.cluster.interfaces("pi-1", ("wlan0", "127.0.0.52"), ("eth0", "127.0.0.12"))
        self.cluster.interfaces("here", ("enp3s0", "127.0.0.99"))
        self.finds("pi-1", "wlan0 (127.0.0.52) beside eth0 (127.0.0.12), both in 127.0.0.0/24",
                   "sudo ip link set wlan0 down", "sudo nmcli radio wifi off", "--mca btl_tcp_if_include eth0")
        done = self.cluster.run("run", "--dry-run", "--", "/bin/true")
        self.assertIn("--mca btl_tcp_if_include eth0 --mca oob_tcp_if_include 127.0.0.0/24 ", done.stderr)

    def test_set_down(self):
        """An interface keeps its address, and is no longer in the way."""
        import agent
        up = IP.format("wlan0", "127.0.0.52", 24)
        for text, found in ((up, [["wlan0", "127.0.0.52/24"]]), (up.replace("UP", "BROADCAST"), [])):
            with unittest.mock.patch("agent.output", return_value=text):
                self.assertEqual(agent.interfaces(), found)

    def test_cable_first(self):
        """Open MPI is given the name of the cable's interface if all hosts have it and one has more in the subnet."""
        import check
        import findings
        subnet = "127.0.0.0/24"

        def with_first(*links):
            facts = [{"interfaces": [(name, a + "/24") for name, a in of]} for of in (links, [("eth0", "127.0.0.13")])]
            return check.address_in(subnet, facts[0]), findings.to_include(subnet, facts)
        self.assertEqual(with_first(("wlan0", "127.0.0.52"), ("eth0", "127.0.0.12")), ("127.0.0.12", "eth0"))
        self.assertEqual(with_first(("wlan0", "127.0.0.52"), ("end0", "127.0.0.12")), ("127.0.0.12", subnet))
        self.assertEqual(with_first(("eth0", "127.0.0.12"), ("eth0", "127.0.0.52")), ("127.0.0.12", subnet))
        self.assertEqual(with_first(("eth0", "127.0.0.12"), ("docker0", "10.17.0.1")), ("127.0.0.12", subnet))
        self.assertEqual(with_first(("eth0", "10.0.0.1"))[1], subnet)

    def test_docker(self):
        """A network inside of each host, which all say they have, is not what connects them."""
        for i in range(3):
            docker = IP.format("docker0", "10.17.0.1", 16)[1:]
            outside = IP.format("wlan0", f"127.0.0.{i + 11}", 24)[:-1]
            self.cluster.program(f"pi-{i}", "ip", outside + ", " + docker if i == 1 else outside + "]")
        self.finds("pi-1", "docker0 (10.17.0.1/16) beside 127.0.0.0/24", "--mca btl_tcp_if_include 127.0.0.0/24")
        for i in (0, 2):
            self.cluster.program(f"pi-{i}", "ip", IP.format("wlan0", f"127.0.0.{i + 11}", 24)[:-1] + ", " + docker)
        done = self.cluster.run("check")
        self.assertEqual(done.stdout.count("docker0 (10.17.0.1/16) beside 127.0.0.0/24"), 3, done.stdout)
        self.assertNotIn("FAILED", done.stdout)
        done = self.cluster.run("run", "--dry-run", "--", "/bin/true")
        self.assertIn("--mca btl_tcp_if_include 127.0.0.0/24 --mca oob_tcp_if_include 127.0.0.0/24", done.stderr)

    def test_no_common_subnet(self):
        self.cluster.program("pi-1", "ip", IP.format("eth0", "10.9.9.1", 24))
        self.finds("pi-0", "no subnet in common")

    def test_32_bits(self):
        self.cluster.program("pi-1", "getconf", "32")
        self.finds("pi-1", "32 bits", "64-bit")

    def test_other_machine(self):
        self.cluster.program("pi-1", "uname", "armv9")
        self.finds("pi-1", "it is armv9", "same kind of system")

    def test_other_mpi(self):
        self.cluster.program("pi-1", "mpirun", "HYDRA build details:")
        self.finds("pi-1", "not Open MPI", "update-alternatives")

    def test_other_release_of_mpi(self):
        self.cluster.program("pi-1", "mpirun", "mpirun (Open MPI) 5.0.3")
        self.finds("pi-1", "5.0.3", "4.1.4")

    def test_no_mpirun(self):
        self.cluster.lacks("pi-1", "mpirun")
        self.finds("pi-1", "mpirun is not in the PATH that ssh gives", "apt install openmpi-bin")

    def test_no_orted(self):
        self.cluster.lacks("pi-1", "orted")
        self.finds("pi-1", "orted is not in the PATH that ssh gives", "apt install openmpi-bin")

    def test_other_user(self):
        self.cluster.program("pi-1", "id", "ubuntu")
        self.finds("pi-1", "as ubuntu")

    def test_clock(self):
        self.cluster.program("pi-1", "date", "1000.5")
        self.finds("pi-1", "behind", "set-ntp")

    def test_under_voltage(self):
        self.cluster.program("pi-1", "vcgencmd", "throttled=0x50000")
        self.finds("pi-1", "under-voltage since it was started", "power supply")

    def test_under_voltage_now(self):
        self.cluster.program("pi-1", "vcgencmd", "throttled=0x1")
        self.finds("pi-1", "under-voltage now", "power supply")

    def test_throttled(self):
        for bits in ("0x2", "0x4", "0x8"):
            self.cluster.program("pi-1", "vcgencmd", "throttled=" + bits)
            self.finds("pi-1", "held back now", "fan")

    def test_disk(self):
        self.cluster.program("pi-1", "df", "Avail\n41943040")
        self.finds("pi-1", "40 MiB free in", "make room")

    def library(self, host, build_id):
        """An installed libbramble: an ELF header and a build-id note, no more."""
        self.cluster.program(host, "ldconfig", "\tlibbramble.so.0.1 (libc6,AArch64) => /usr/local/lib/libbramble.so.0.1")
        header = b"\x7fELF\x02\x01" + bytes(26) + struct.pack("<QQIHHHHHH", 64, 0, 0, 64, 56, 1, 0, 0, 0)
        segment = struct.pack("<IIQQQQQQ", 4, 4, 120, 120, 120, 36, 36, 4)
        path = os.path.join(self.cluster.work, host, "usr/local/lib")
        os.makedirs(path, exist_ok=True)
        with open(path + "/libbramble.so.0.1", "wb") as file:
            file.write(header + segment + struct.pack("<III", 4, 20, 3) + b"GNU\0" + build_id)

    def test_same_library(self):
        for i in range(3):
            self.library(f"pi-{i}", bytes(range(20)))
        self.assertEqual(self.cluster.run("check", "--no-links").returncode, 0)

    def test_other_library(self):
        for i in range(3):
            self.library(f"pi-{i}", bytes(range(i == 1, 20 + (i == 1))))
        self.finds("pi-1", "another build of /usr/local/lib/libbramble.so.0.1", "build-id 010203", "cluster install")

    def test_library_not_installed(self):
        for i in (0, 2):
            self.library(f"pi-{i}", bytes(20))
        self.finds("pi-1", "libbramble is not installed", "cluster install")

    def test_heat(self):
        self.cluster.write("pi-1/sys/class/thermal/thermal_zone0/temp", "84500\n")
        self.finds("pi-1", "84 degrees", "fan")

    def test_no_directory(self):
        done = self.cluster.run("check", "--no-links", "--directory", "/no/such/place")
        self.assertEqual(done.stdout.count("there is no directory /no/such/place"), 3)
        self.assertEqual([row["disk"] for row in table_of(done.stdout).values()], 3 * ["-"])

    def homes(self):
        """Where ssh arrives, on each host; a df that has 3 GiB for the home itself, 5 GiB for what is below."""
        for i in range(3):
            os.mkdir(f"{self.cluster.work}/pi-{i}/home")
            self.cluster.script(f"pi-{i}", "df", "echo Avail; case $3 in */home) echo 3221225472 ;; *) echo 5368709120 ;; esac")
        return self.cluster.work + "/pi-{}/home"

    def test_directory_of_one_is_missing(self):
        """The default is where ssh arrives, and relative names begin there."""
        home = self.homes()
        done = self.cluster.run("check", "--no-links")
        self.assertEqual([row["disk"] for row in table_of(done.stdout).values()], 3 * ["3.0 GiB"])
        for i in (0, 2):
            os.mkdir(home.format(i) + "/data")
        options = "--no-links", "--directory", "data"
        missing = os.path.realpath(home.format(1)) + "/data"
        self.finds("pi-1", f"there is no directory {missing}", f"mkdir -p {missing} on it", options=options)
        table = table_of(self.cluster.run("check", *options).stdout)
        self.assertEqual([row["disk"] for row in table.values()], ["5.0 GiB", "-", "5.0 GiB"])

    def test_processors(self):
        """A Pi 3 beside Pi 4s is said, and is nothing to fix. Pi 4s alone are not said, nor what has no number."""
        import findings
        self.assertEqual(findings.several_processors([{"cpu": ["0xd08"]}, {"cpu": ["0xd08"]}]), "")
        self.assertEqual(findings.several_processors([{"cpu": ["0xd08"]}, {"cpu": []}]), "")
        self.assertEqual(findings.several_processors([{"cpu": ["0xd08"]}, {"cpu": ["0xd05"]}]), "CPU part 0xd05, Cortex-A72")
        self.cluster.processors("0xd08", "0xd03", "0xd08")
        done = self.cluster.run("check", "--no-links")
        self.assertEqual((done.returncode, done.stdout.count("processors differ (Cortex-A53, Cortex-A72): scripts/cluster run "
                                                             "makes BLAS agree")), (0, 1), done.stdout + done.stderr)
        self.assertIn("nothing to fix", done.stdout)

    def test_firewall(self):
        """An address of the subnet that no connection reaches."""
        for i in range(3):
            last = "255.255.255" if i == 2 else f"0.0.{i + 11}"
            self.cluster.program(f"pi-{i}", "ip", IP.format("eth0", "127." + last, 8))
        done = self.cluster.run("check")
        self.assertEqual(done.stdout.count("pi-2: pi-0 can't connect to a port of it"), 1, done.stdout)
        self.assertEqual(done.stdout.count("can't connect"), 2, done.stdout)
        self.assertIn("FAILED", done.stdout)

    def test_slow_link(self):
        import check
        import hosts
        names = [hosts.Host(f"pi-{i}", 1) for i in range(3)]
        answers = {(i, j): {"latency_us": 100, "mbit": 93 if 1 in (i, j) else 940} for i in range(3) for j in range(3) if i != j}
        found = list(check.slow_and_closed_links(names, answers))
        self.assertEqual([it.host for it in found], ["pi-1"])
        answers = {pair: dict(it, mbit=it["mbit"] * 12) for pair, it in answers.items()}
        self.assertEqual(list(check.slow_and_closed_links(names, answers)), [], "1.1 Gbit/s")

    def test_slow_once(self):
        """A link that is slow because a host is busy is measured again, and no other."""
        import check
        import hosts
        asked = []

        def measured(host, to, address):
            asked.append((host.name, to.name, address))
            return {"latency_us": 100, "mbit": 90 if to.name == "pi-1" and len(asked) <= 8 else 940}
        names = [hosts.Host(f"pi-{i}", 1) for i in range(3)]
        facts = [{"interfaces": [("eth0", f"127.0.0.{i + 11}/24")]} for i in range(3)]
        with unittest.mock.patch("check.measure_link", measured):
            answers = check.measure_links(names, facts)
        self.assertEqual(list(check.slow_and_closed_links(names, answers)), [])
        self.assertEqual(len(set(asked[:6])), 6)
        self.assertEqual(asked[6:], 2 * [("pi-0", "pi-1", "127.0.0.12"), ("pi-2", "pi-1", "127.0.0.12")])

    def test_hostfile(self):
        for text, said in (("", "names no host"), ("pi-0 slots=many\n", "hosts:1: slots=many is not a number")):
            self.cluster.write("hosts", text)
            done = self.cluster.run("check")
            self.assertEqual(done.returncode, 2)
            self.assertIn(said, done.stderr)


class Page(unittest.TestCase):
    """docs/pi-cluster.md: its messages are as they are written where they come from."""
    KINDS = {"ssh": "Permission|Host key|WARNING: REM|Could not res|connect to host", "system": "bash: |error while loading",
             "open_mpi": "There are not|mpirun|ORTE|A process|Open MPI", "bramble": r"rank \d|no sign"}

    def setUp(self):
        with open(os.path.join(TOP, "docs/pi-cluster.md"), encoding="utf-8") as file:
            self.page = file.read()
        table = self.page.split("## What you see, why, what to do")[1]
        self.seen = re.findall(r"^\| `([^`]*)` \|", table, re.M)
        self.assertGreater(len(self.seen), 15)

    def said_by(self, kind):
        said = [seen for seen in self.seen if re.match(self.KINDS[kind], seen)]
        self.assertTrue(said)
        return said

    def text_of(self, *patterns):
        """What is readable in files, and in binaries, with one blank between words."""
        text = ""
        for name in sum(map(glob.glob, patterns), []):
            with open(name, encoding="latin-1") as file:
                text += " " + file.read()
        self.assertTrue(text, patterns)
        return re.sub(r"\s+", " ", text)

    def test_all(self):
        """Each message is of one kind, so that none is left out below."""
        self.assertEqual(sorted(sum(map(self.said_by, self.KINDS), [])), sorted(self.seen))

    def test_ssh(self):
        """Those of ssh and of the shell it starts are known to `check`, and what it says to do stands there, too."""
        import hosts
        for text in self.said_by("ssh"):
            self.assertTrue(any(re.search(pattern, text) for pattern, _, _ in hosts.REFUSALS), text)

    @unittest.skipUnless(shutil.which("ssh"), "ssh is not installed")
    def test_ssh_itself(self):
        """It fills in hosts, ports, ways to log in, and what libc calls an error."""
        text = re.sub(r"%\.?\d*[ds]", "%s", self.text_of(shutil.which("ssh")))
        gai = ctypes.CDLL(None).gai_strerror
        gai.restype = ctypes.c_char_p
        errors = os.strerror(errno.ECONNREFUSED), os.strerror(errno.EHOSTUNREACH), gai(socket.EAI_NONAME).decode()
        for seen in self.said_by("ssh"):
            self.assertIn(re.sub(r"publickey,password|pi-1|\b22\b|" + "|".join(errors), "%s", seen), text)

    def test_system(self):
        """What the shell and the loader of this machine say."""
        shell, loader = self.said_by("system")
        done = subprocess.run(["bash", "-c", "orted"], executable=shutil.which("bash"), env={"PATH": "/nonexistent"},
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.stderr.strip(), shell)
        before, library, after = loader.split(": ")
        text = self.text_of("/lib*/ld-linux-*.so.*")
        self.assertIn(before, text)
        self.assertIn(after, text)
        with open(os.path.join(TOP, "include/bramble/version.h"), encoding="utf-8") as file:
            self.assertEqual(library, "libbramble.so." + re.search(r'"(\d+\.\d+)\.\d+', file.read())[1])

    def sources(self, *names):
        """String literals of C files, put together as the compiler does."""
        text = ""
        for name in names:
            with open(os.path.join(TOP, name), encoding="utf-8") as file:
                text += file.read()
        return re.sub(r'"\s*"', "", text)

    def test_bramble(self):
        """Pieces between what is filled in stand in the sources."""
        text = self.sources("scheduler/mpi/meet.c", "scheduler/mpi/peers.c")
        for seen in self.said_by("bramble"):
            pieces = re.split(r"rank \d+ on pi-\d+|\((?:build-id )?…\)|\b\d+\b| than ", seen)
            for piece in (it.strip(" :") for it in pieces if len(it) > 4):
                self.assertIn(piece, text, seen)

    @unittest.skipUnless(os.path.isdir("/usr/share/openmpi"), "Open MPI's messages are not where Debian has them")
    def test_open_mpi(self):
        """Open MPI fills in its own name, ranks, hosts and numbers."""
        text = self.text_of("/usr/share/openmpi/help-*.txt", "/usr/lib/*/libopen-rte.so.40",
                            "/usr/lib/*/openmpi/lib/openmpi*/mca_oob_tcp.so")
        for seen in self.said_by("open_mpi"):
            as_written = re.sub(r"^mpirun", "%s", seen)
            pieces = re.split(r"(?<=rank )\d+|PID \d+|pi-\d+|\b\d+\b|\(\w+\)", as_written)
            self.assertTrue(all(piece.strip() in text for piece in pieces), seen)

    def test_findings(self):
        """Those that are shown are those of `check`, as it prints them."""
        import findings
        pi = [argparse.Namespace(name=f"pi-{i}") for i in range(4)]
        copied = [it for compare in findings.COMPARISONS[:2] for it in compare(pi, 4 * [{"hostname": "", "machine_id": "1"}])]
        at_home = {"interfaces": [("wlan0", "192.168.1.52/24"), ("eth0", "192.168.1.11/24")]}
        wireless = list(findings.second_way(pi[1], at_home, "192.168.1.0/24", "eth0"))
        for number, it in [*enumerate(copied, 1), (1, wireless[0])]:
            fix = re.sub("(?<=until then ).*", "...", it.fix)
            self.assertIn(f"\n{number:2}. {it.host}: {it.what}\n    {fix}\n", self.page)
        self.assertEqual((len(copied), len(wireless)), (3, 1))


class Program(unittest.TestCase):
    """What needs a program that is linked with the library."""

    def setUp(self):
        if not PROGRAM:
            self.skipTest("no directory with 00_hello was given")
        self.cluster = Cluster()
        self.addCleanup(self.cluster.close)

    def test_same(self):
        done = self.cluster.run("check", "--no-links", "--program", PROGRAM)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_missing(self):
        done = self.cluster.run("check", "--no-links", "--program", "/no/program")
        self.assertEqual(done.stdout.count("the program is not there"), 3)

    def finds(self, program, *texts):
        """One finding, of pi-1, with these texts."""
        done = self.cluster.run("check", "--no-links", "--program", program)
        found = re.findall(r"^ *\d+\. (.*?): (.*\n +.*)$", done.stdout, re.M)
        self.assertEqual((done.returncode, [host for host, _ in found]), (1, ["pi-1"]), done.stdout + done.stderr)
        for text in texts:
            self.assertIn(text, found[0][1])

    def copies(self):
        """Each host has the program in a home of its own, where ssh begins. Where pi-1 has it."""
        for i in range(3):
            os.mkdir(f"{self.cluster.work}/pi-{i}/home")
            shutil.copy(PROGRAM, f"{self.cluster.work}/pi-{i}/home/hello")
        return self.cluster.work + "/pi-1/home/hello"

    def test_same_copies(self):
        self.copies()
        done = self.cluster.run("check", "--no-links", "--program", "./hello")
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_not_executable(self):
        os.chmod(self.copies(), 0o644)
        self.finds("./hello", "the program is not executable", "chmod +x")

    def test_other_program(self):
        shutil.copy("/bin/true", self.copies())
        self.finds("./hello", "another build of the program than on the first host", "copy it again")

    def test_other_library(self):
        self.cluster.program("pi-1", "ldd", "\tlibbramble.so.0.1 => /bin/true (0x1)")
        self.finds(PROGRAM, "another build of /bin/true than on the first host", "cluster install HOSTFILE")

    def test_library_missing(self):
        self.cluster.program("pi-1", "ldd", "\tlibbramble.so.0.1 => not found")
        done = self.cluster.run("check", "--no-links", "--program", PROGRAM)
        self.assertEqual(done.stdout.count("pi-1: libbramble is not found there"), 1, done.stdout)

    def test_run(self):
        self.cluster.program("pi-1", "ldd", "\tlibbramble.so.0.1 => /bin/true (0x1)")
        done = self.cluster.run("run", "--dry-run", "--", PROGRAM, "--x")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr, r"mpirun --hostfile \S+ -np 3 --map-by node --mca oob_tcp_keepalive_time 3 "
                                      r"--mca oob_tcp_keepalive_intvl 2 --mca oob_tcp_keepalive_probes 3 .*"
                                      r"btl_tcp_if_include 127\.0\.0\.0/24 .*00_hello --x\n")
        self.assertIn("cluster: rank 0 is on pi-0; names of files without / in front mean "
                      f"pi-0:{os.path.realpath(self.cluster.work)}\n", done.stderr)

    def test_mpirun_options(self):
        """One word, also if it begins with a dash; the program's own are not touched."""
        for given in "--oversubscribe", "-x A=1 -x B":
            done = self.cluster.run("run", "--dry-run", "--mpirun", given, "--", PROGRAM, "--mpirun", "-x")
            self.assertIn(f" {given} {PROGRAM} --mpirun -x\n", done.stderr)
        done = self.cluster.run("run", "--mpirun", "--", PROGRAM)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("scripts/cluster run: error: argument --mpirun: expected one argument", done.stderr)

    def test_rank_0(self):
        """It is where mpirun is, if that is one of the hosts."""
        import hosts
        import run
        names = ["pi-0", "pi-1", socket.gethostname()]
        self.assertEqual(run.rank_0([hosts.Host(name, 1) for name in names]), 2)
        self.assertEqual(run.rank_0([hosts.Host(name, 1) for name in names[:2]]), 0)

    def test_relative_names(self):
        """As mpirun does: it starts ranks in the home directory of a host that does not have the one it is called in."""
        import run
        self.assertIn("mean pi-0:the home directory, since /data is not there",
                      run.relative_names("pi-0", {"directory": "/data", "directory_there": False}))

    def test_copied(self):
        """Where a host has another library, program and library go to all, and mpirun is started with that place."""
        self.cluster.program("pi-1", "ldd", "\tlibbramble.so.0.1 => /bin/true (0x1)")
        self.cluster.write("here/bin/mpirun", '#!/bin/sh\necho "started $*"\n', 0o755)
        done = self.cluster.run("run", "-np", "4", "--", PROGRAM)
        place = re.search(r"copied to (\S+) on 3 hosts", done.stderr)
        self.assertTrue(place, done.stderr)
        self.addCleanup(shutil.rmtree, place[1])
        self.assertIn(f"-x LD_LIBRARY_PATH={place[1]} {place[1]}/00_hello", done.stdout)
        self.assertIn("-np 4 --mca", done.stdout)
        with open(PROGRAM, "rb") as one, open(place[1] + "/00_hello", "rb") as other:
            self.assertEqual(one.read(), other.read())
        self.assertTrue(os.path.isfile(place[1] + "/libbramble.so.0.1"))

    def test_no_program(self):
        done = self.cluster.run("run", "--", "./nothing")
        self.assertEqual((done.returncode, done.stderr), (2, "cluster: ./nothing is no program that can be run here\n"))

    def test_run_refuses(self):
        self.cluster.write("pi-2/refuses", "pi-2: Permission denied (publickey).")
        done = self.cluster.run("run", "--", PROGRAM)
        self.assertEqual(done.returncode, 1)
        self.assertIn("ssh-copy-id pi-2", done.stdout)


class Blas(unittest.TestCase):
    """OPENBLAS_CORETYPE of `run`: what of it stands in mpirun's command, and whether that is said."""

    def setUp(self):
        self.cluster = Cluster()
        self.addCleanup(self.cluster.close)
        patch = unittest.mock.patch.dict(os.environ)
        patch.start()
        self.addCleanup(patch.stop)
        os.environ.pop("OPENBLAS_CORETYPE", None)

    def handed_over(self, *options):
        done = self.cluster.run("run", "--dry-run", *options, "--", "/bin/true")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        started, *said = done.stderr.splitlines()
        return re.findall(r"(?<= -x )OPENBLAS_CORETYPE\S*", started), [it for it in said if "OPENBLAS_CORETYPE" in it]

    def chosen(self, options, *parts):
        import run
        return run.blas_core(argparse.Namespace(mpirun=options), [{"cpu": [part]} for part in parts])

    def test_processors_differ(self):
        """One for all, which is said once; the user's own goes before, wherever it is set, and is handed over once."""
        self.cluster.processors("0xd08", "0xd03", "0xd0b")
        self.assertEqual(self.handed_over(), (["OPENBLAS_CORETYPE=CORTEXA53"], [
            "cluster: processors differ (Cortex-A53, Cortex-A72, Cortex-A76): OPENBLAS_CORETYPE=CORTEXA53 makes BLAS agree "
            "on all hosts"]))
        self.cluster.processors("0xd08", "0xd03", "0xd08")
        with open(os.path.join(TOP, "docs/pi-cluster.md"), encoding="utf-8") as file:
            self.assertIn(f"\n{self.handed_over()[1][0]}\n", file.read())
        self.assertEqual(self.chosen("-x OPENBLAS_CORETYPE=ARMV8", "0xd08", "0xd03"), "")
        os.environ["OPENBLAS_CORETYPE"] = "ARMV8"
        self.assertEqual(self.handed_over(), (["OPENBLAS_CORETYPE"], []))
        self.assertEqual(self.chosen("-x OPENBLAS_CORETYPE", "0xd08", "0xd03"), "")

    def test_processors_equal(self):
        """Nothing; but what the user sets holds on all hosts, not only where mpirun is."""
        self.cluster.processors("0xd08", "0xd08", "0xd08")
        self.assertEqual(self.handed_over(), ([], []))
        os.environ["OPENBLAS_CORETYPE"] = "ARMV8"
        self.assertEqual(self.chosen("", "0xd08", "0xd08"), "OPENBLAS_CORETYPE")


class Install(unittest.TestCase):
    def setUp(self):
        self.cluster = Cluster()
        self.addCleanup(self.cluster.close)
        # A build tree that installs one file, as cmake --install reads it.
        self.cluster.write("tree/thing", "thing")
        self.cluster.write("tree/cmake_install.cmake", 'file(INSTALL DESTINATION "${CMAKE_INSTALL_PREFIX}/lib" TYPE FILE '
                           f'FILES "{self.cluster.work}/tree/thing")\n')
        self.temporary = self.cluster.work + "/temporary"
        os.mkdir(self.temporary)
        there = unittest.mock.patch.dict(os.environ, TMPDIR=self.temporary)
        there.start()
        self.addCleanup(there.stop)

    def tearDown(self):
        """However it ends, what was packed here is removed."""
        self.assertEqual(os.listdir(self.temporary), [])

    def test_library(self):
        where = self.cluster.work + "/prefix"
        done = self.cluster.run("install", "--no-packages", "--tree", self.cluster.work + "/tree", "--prefix", where)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(done.stdout.count("installed in " + where), 3)
        self.assertTrue(os.path.isfile(where + "/lib/thing"))

    def test_relative_prefix(self):
        done = self.cluster.run("install", "--no-packages", "--tree", self.cluster.work + "/tree", "--prefix", "prefix")
        self.assertEqual(done.returncode, 2)
        self.assertIn("--prefix prefix: it is the same on all hosts, so it begins with /", done.stderr)

    def install(self, *more):
        return self.cluster.run("install", "--tree", self.cluster.work + "/tree", "--prefix", self.cluster.work + "/prefix",
                                *more)

    def test_program(self):
        """To the same path. The hosts here have one file system, so what was copied from is away in the meantime."""
        path = self.cluster.work + "/a place/prog"
        self.addCleanup(shutil.rmtree, f"/tmp/bramble-{os.getuid()}/install{self.cluster.work}")
        self.cluster.write("a place/prog", "#!/bin/sh\necho one\n", 0o755)
        self.cluster.write("pi-0/bin/cmp", f'#!/bin/sh\nmv "{path}" "{path}.first"\nexit 1\n', 0o755)
        self.cluster.write("pi-1/bin/cmp", f'#!/bin/sh\nexec /usr/bin/cmp "$@"\n', 0o755)
        done = self.install("--no-packages", "--program", path)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(done.stdout.count(f"/prefix, {path}\n"), 3)
        self.assertEqual(subprocess.check_output([path], text=True), "one\n")
        self.assertEqual(sorted(os.listdir(os.path.dirname(path))), ["prog", "prog.first"])

    def test_no_program(self):
        done = self.install("--program", "nothing")
        self.assertEqual(done.returncode, 2)
        self.assertIn("/nothing is no program that can be run here\n", done.stderr)

    def test_packages(self):
        """The one that dpkg-query does not know is installed, and no other. On pi-1 that fails: there, nothing else is done."""
        for host in ("pi-0", "pi-1", "pi-2"):
            self.cluster.write(host + "/bin/dpkg-query", '#!/bin/sh\ncase "$*" in *liblz4-dev) exit 1 ;; esac\n'
                               "printf 'installed '\n", 0o755)
            self.cluster.write(host + "/bin/apt-get", f'#!/bin/sh\necho "$@" >>{self.cluster.work}/{host}/got\n', 0o755)
            self.cluster.program(host, "id", "0")
        self.cluster.write("pi-1/bin/apt-get", '#!/bin/sh\necho "E: Unable to locate package liblz4-dev"\nexit 100\n', 0o755)
        done = self.install()
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("pi-1: packages: E: Unable to locate package liblz4-dev\n", done.stdout)
        self.assertEqual(done.stdout.count("installed in "), 2)
        for host in ("pi-0", "pi-2"):
            with open(f"{self.cluster.work}/{host}/got", encoding="utf-8") as file:
                self.assertEqual(re.findall("update$|install .*", file.read(), re.M),
                                 ["update", "install --no-install-recommends liblz4-dev"])

    def test_other_machine(self):
        self.cluster.program("pi-1", "uname", "armv9")
        done = self.cluster.run("install", "--no-packages", "--tree", self.cluster.work + "/tree", "--prefix",
                                self.cluster.work + "/prefix")
        self.assertEqual(done.returncode, 1)
        self.assertIn("pi-1: it is armv9", done.stdout)

    def test_nothing_built(self):
        done = self.cluster.run("install", "--tree", self.cluster.work + "/none")
        self.assertEqual(done.returncode, 2)
        self.assertIn("build it first", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)  # says why something was skipped
