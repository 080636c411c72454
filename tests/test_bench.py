#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""test_bench.py - `bramble-bench mpi --json`: one line for a workload on ranks, on threads and, where mpi4py is installed, by
hand. That all three give the same value is the program's own check. `bramble-bench busy --json`: a line for each way of a
message. bench/peers: a row beside numpy. bench/mpi-costs: what --check says of a saved run. What is fast is no affair of a test.

usage: test_bench.py BRAMBLE-BENCH
"""
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import unittest

BENCH = os.path.abspath(sys.argv.pop(1))
RANKS = 2


def start(command, **more):
    settings = {name: value for name, value in os.environ.items() if not name.startswith("BRAMBLE_")}
    if os.getuid() == 0:
        settings.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    return subprocess.run(command, env=settings | more, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def run(*arguments, before=()):
    return start([*before, BENCH, "--json", "--runs", "1", *arguments])


class Mpi(unittest.TestCase):
    def test_a_row(self):
        done = run("--threads", str(RANKS), "mpi", "W18a")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        row, = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(set(row), {"mpi", "ranks", "seconds", "threads_seconds", "ratio", "goal", "mpi4py_seconds", "runs"})
        self.assertEqual((row["mpi"], row["ranks"], row["runs"], row["goal"]), ("W18a", RANKS, 1, 0.85))
        self.assertGreater(row["seconds"], 0)
        self.assertAlmostEqual(row["ratio"], row["threads_seconds"] / row["seconds"], delta=0.01 * row["ratio"] + 0.001)
        by_hand = row["mpi4py_seconds"]
        if all(importlib.util.find_spec(module) for module in ("mpi4py", "numpy", "h5py")):
            self.assertGreater(by_hand, 0)
        else:
            self.assertIsNone(by_hand)

    def test_a_row_that_is_not_there(self):
        done = run("mpi", "W0")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("mpi has no workload W0", done.stderr)

class Busy(unittest.TestCase):
    def test_rows(self):
        done = run("busy", before=("mpirun", "--oversubscribe", "-np", str(RANKS)))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([row["busy"] for row in rows], ["a task on the other rank", "MPI_Send, MPI_Recv", "a pipe between threads"])
        for row in rows:
            self.assertEqual((row["ranks"], row["runs"]), (RANKS, 1))
            self.assertGreater(row["computing"], 0)
            for kind in "quiet_", "":
                least, median, p90 = (row[kind + name] for name in ("least", "median", "p90"))
                self.assertTrue(0 < least <= median <= p90, row)
                self.assertGreaterEqual(row[kind + "mean"], least)
            self.assertGreater(row["ratio"], 0)

    def test_one_rank(self):
        done = run("busy", before=("mpirun", "-np", "1"))
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("busy needs two ranks or more", done.stderr)


class Peers(unittest.TestCase):
    """numpy and h5py are there, since tests/corpus.py needs them."""
    PEERS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../bench/peers")

    def peers(self, *arguments, **more):
        return start([self.PEERS, "--bench", BENCH, "--threads", "2", "--runs", "1", *arguments], **more)

    def test_a_row(self):
        done = self.peers("W3b")
        self.assertEqual(done.returncode, 0, done.stderr)
        _, head, row = done.stdout.splitlines()
        self.assertEqual(head.split()[:3], ["bramble", "limit", "numpy"])
        self.assertRegex(row, r"^W3b( +[0-9.]+){3}  \( *[0-9.]+x\)")

    def test_a_tool_that_fails(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "numpy.py"), "w", encoding="ascii") as module:
                module.write('raise ImportError("no such luck")')
            done = self.peers("W3b", PYTHONPATH=folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("peers: W3b: numpy: ImportError: no such luck", done.stderr)
        self.assertRegex(done.stdout.splitlines()[2], r"^W3b( +[0-9.]+){2} +\.")

    def test_files_that_cannot_be_made(self):
        done = self.peers("--data", "/dev/null/no", "W6")
        self.assertNotEqual(done.returncode, 0)
        self.assertRegex(done.stderr, "/dev/null/no.*Not a directory")

class Costs(unittest.TestCase):
    """bench/mpi-costs --check, of two hosts that took what is reckoned here by hand: 0.1 s of computing on one host (but 0.05 where
    the two share it in time), 1 ms to start, 0.5 ms a round, and bytes of the link at 100 Mbit/s, of which both ways cost a tenth
    more."""
    COSTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../bench/mpi-costs")
    MIB = {"mean axis 0": (0.5, 0.5), "stencil": (0.55, 0.55), "rechunk": (4.4, 8.8), "matmul": (4.4, 4.4), "broadcast": (2, 2),
           "gather": (8, 16)}

    def rows(self):
        both = {"bytes": 0, "rate": "100mbit"}
        for i, scaling in enumerate(("strong", "weak")):
            for ranks in 1, 2:
                chunks = 32 * ranks if scaling == "weak" else 32
                row = dict(both, scaling=scaling, ranks=ranks, chunks=chunks)
                yield dict(row, link="start", seconds=0.001)
                for link in "elementwise", "sum":
                    yield dict(row, link=link, seconds=(0.1, 0.051, 0.1, 0.101)[2 * i + ranks - 1])
                for link, sizes in self.MIB.items():
                    sent = 0.0015 + sizes[i] * 2**20 * 8 / 1e8 * 1538 / 1448
                    yield dict(row, link=link, seconds=0.1 if ranks == 1 else 0.1 * (i + 1) + sent)

    def check(self, limit, rows):
        with tempfile.NamedTemporaryFile("w", encoding="ascii") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
            file.flush()
            return start([self.COSTS, "--from", file.name, "--check", limit])

    def test_no_row_is_off(self):
        done = self.check("0.5", self.rows())
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        self.assertEqual(done.stdout.count("The worst is off by 0 %."), 2)

    def test_one_row_is_off(self):
        """The model says half of what one took, or twice as much; each row in its turn."""
        for at, row in enumerate(self.rows()):
            if row["ranks"] == 1 or row["link"] == "start":
                continue
            for times, fails, passes in (2, "49", "51"), (0.5, "99", "101"):
                rows = list(self.rows())
                rows[at]["seconds"] *= times
                done = self.check(fails, rows)
                self.assertEqual(done.returncode, 1, row)
                self.assertRegex(done.stderr, f"^mpi-costs: off by [0-9]+ %, more than {fails}\n$")
                self.assertEqual(self.check(passes, rows).returncode, 0, row)

    def test_nothing_to_check(self):
        done = self.check("10", [{"overlap": "one sweep", "work": "time", "ranks": 2, "compute": 1, "both": 1, "face_bytes": 8,
                                  "rate": "1gbit"}])
        self.assertEqual((done.returncode, done.stderr), (1, "mpi-costs: --check: only links have a model\n"))


if __name__ == "__main__":
    unittest.main()
