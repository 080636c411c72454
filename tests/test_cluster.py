#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""test_cluster.py - scripts/cluster against hosts that are made up: a stand-in for ssh runs what it is given here, with
programs and files of the host's own in front of the real ones. Each thing that can be wrong is made wrong once, and must be
found, alone, with what to do about it.

usage: test_cluster.py DIRECTORY    where the program 00_hello is
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

TOP = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
PROGRAM = os.path.abspath(os.path.join(sys.argv.pop(1), "00_hello")) if len(sys.argv) > 1 else ""
sys.path.insert(0, os.path.join(TOP, "scripts/clusters"))

SSH = """#!/bin/sh
root={work}/$1
if [ -f $root/refuses ]; then cat $root/refuses >&2; exit 255; fi
export CLUSTER_ROOT=$root PATH=$root/bin:$PATH
exec /bin/sh -c "$2"
"""
IP = '[{{"ifname": "{0}", "addr_info": [{{"family": "inet", "local": "{1}", "prefixlen": {2}}}]}}]'


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

    def run(self, *words, directory=None):
        return subprocess.run([os.path.join(TOP, "scripts/cluster"), words[0], os.path.join(self.work, "hosts"), "--ssh",
                               os.path.join(self.work, "rsh")] + list(words[1:]), capture_output=True, text=True,
                              timeout=60, check=False, cwd=directory or self.work)

    def close(self):
        shutil.rmtree(self.work)


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

    def refuses(self, said, *texts):
        self.cluster.write("pi-1/refuses", said)
        self.finds("pi-1", *texts)

    def test_nothing(self):
        done = self.cluster.run("check")
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        self.assertIn("nothing to fix", done.stdout)
        self.assertRegex(done.stdout, r"pi-1 +2 +\d+ .*45 C +0x0 .* 4\.1\.4")
        self.assertEqual(len(re.findall(r"\d+ / \d+", done.stdout)), 6)

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

    def test_no_common_subnet(self):
        self.cluster.program("pi-1", "ip", IP.format("eth0", "10.9.9.1", 24))
        self.finds("pi-0", "no subnet in common")

    def test_32_bits(self):
        self.cluster.program("pi-1", "getconf", "32")
        self.finds("pi-1", "32 bits", "64-bit")

    def test_other_mpi(self):
        self.cluster.program("pi-1", "mpirun", "HYDRA build details:")
        self.finds("pi-1", "not Open MPI", "update-alternatives")

    def test_other_release_of_mpi(self):
        self.cluster.program("pi-1", "mpirun", "mpirun (Open MPI) 5.0.3")
        self.finds("pi-1", "5.0.3", "4.1.4")

    def test_other_user(self):
        self.cluster.program("pi-1", "id", "ubuntu")
        self.finds("pi-1", "as ubuntu")

    def test_clock(self):
        self.cluster.program("pi-1", "date", "1000.5")
        self.finds("pi-1", "behind", "set-ntp")

    def test_under_voltage(self):
        self.cluster.program("pi-1", "vcgencmd", "throttled=0x50000")
        self.finds("pi-1", "under-voltage since it was started", "power supply")

    def test_heat(self):
        self.cluster.write("pi-1/sys/class/thermal/thermal_zone0/temp", "84500\n")
        self.finds("pi-1", "84 degrees", "fan")

    def test_no_directory(self):
        done = self.cluster.run("check", "--no-links", "--directory", "/no/such/place")
        self.assertEqual(done.stdout.count("there is no directory /no/such/place"), 3)

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

    def test_hostfile(self):
        for text, said in (("", "names no host"), ("pi-0 slots=many\n", "hosts:1: slots=many is not a number")):
            self.cluster.write("hosts", text)
            done = self.cluster.run("check")
            self.assertEqual(done.returncode, 2)
            self.assertIn(said, done.stderr)


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

    def test_library_missing(self):
        self.cluster.program("pi-1", "ldd", "\tlibbramble.so.0.1 => not found")
        done = self.cluster.run("check", "--no-links", "--program", PROGRAM)
        self.assertEqual(done.stdout.count("pi-1: libbramble is not found there"), 1, done.stdout)

    def test_run(self):
        self.cluster.program("pi-1", "ldd", "\tlibbramble.so.0.1 => /bin/true (0x1)")
        done = self.cluster.run("run", "--dry-run", "--", PROGRAM, "--x")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr, r"mpirun --hostfile \S+ -np 3 --map-by node --mca oob_tcp_keepalive_time 3 .*"
                                      r"btl_tcp_if_include 127\.0\.0\.0/24 .*00_hello --x\n")
        self.assertIn("rank 0 is on pi-0", done.stderr)

    def test_copied(self):
        """Where a host has another library, program and library go to all, and mpirun is started with that place."""
        self.cluster.program("pi-1", "ldd", "\tlibbramble.so.0.1 => /bin/true (0x1)")
        self.cluster.program("here", "mpirun", "")
        self.cluster.write("here/bin/mpirun", '#!/bin/sh\necho "started $*"\n', 0o755)
        os.environ["PATH"] = f"{self.cluster.work}/here/bin:" + os.environ["PATH"]
        done = self.cluster.run("run", "-np", "4", "--", PROGRAM)
        place = re.search(r"copied to (\S+) on 3 hosts", done.stderr)
        self.assertTrue(place, done.stderr)
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


class Install(unittest.TestCase):
    def setUp(self):
        self.cluster = Cluster()
        self.addCleanup(self.cluster.close)
        # A build tree that installs one file, as cmake --install reads it.
        self.cluster.write("tree/thing", "thing")
        self.cluster.write("tree/cmake_install.cmake", 'file(INSTALL DESTINATION "${CMAKE_INSTALL_PREFIX}/lib" TYPE FILE '
                           f'FILES "{self.cluster.work}/tree/thing")\n')

    def test_library(self):
        where = self.cluster.work + "/prefix"
        done = self.cluster.run("install", "--no-packages", "--tree", self.cluster.work + "/tree", "--prefix", where)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(done.stdout.count("installed in " + where), 3)
        self.assertTrue(os.path.isfile(where + "/lib/thing"))

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
    unittest.main()
