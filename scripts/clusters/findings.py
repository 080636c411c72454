# SPDX-License-Identifier: BSD-3-Clause
"""findings - what is wrong with hosts, by what their agents said, and what to do about it.

A finding is (host's name, what is wrong, what to do). RULES are asked one host at a time, with `it`, its facts, and
`first`, those of the first host; COMPARISONS of all hosts together.
"""
import ipaddress
from collections import namedtuple

Finding = namedtuple("Finding", "host what fix")

MIB, GIB = 1 << 20, 1 << 30
WARM, LOW_DISK, SKEW = 80, 1 * GIB, 1.0


def subnet_of(address):
    return ipaddress.ip_interface(address).network


def common_subnet(facts):
    """The subnet in which every host has an address: the one of the interface that is not wireless if there are two."""
    shared = set.intersection(*({str(subnet_of(a)) for _, a in it["interfaces"]} for it in facts)) if facts else set()
    wired = [str(subnet_of(a)) for it in facts for name, a in it["interfaces"] if name[0] == "e"]
    best = sorted(shared, key=lambda s: (-wired.count(s), s))
    return best[0] if best else None


def own_name(it, _):
    if it["own_address"].startswith("127."):
        yield (f"its own name {it['hostname']} means {it['own_address']}, which other hosts take for themselves",
               f"in its /etc/hosts, delete the line \"{it['own_address']} {it['hostname']}\" or put its real address there")
    elif not it["own_address"]:
        yield (f"its own name {it['hostname']} has no address", "add its address and name to its /etc/hosts")


def word_size(it, _):
    if it["bits"] != "64":
        yield (f"a system of {it['bits'] or 'unknown'} bits", "write its card with the 64-bit Raspberry Pi OS")


def open_mpi(it, first):
    if not it["mpirun"] or not it["orted"]:
        missing = "mpirun" if not it["mpirun"] else "orted"
        yield (f"{missing} is not in the PATH that ssh gives without a terminal",
               "sudo apt install openmpi-bin; what ~/.bashrc sets for terminals only does not count")
    elif "Open MPI" not in it["mpi_version"]:
        yield (f"{it['mpirun']} is not Open MPI's ({it['mpi_version']})",
               "sudo apt install openmpi-bin; sudo update-alternatives --config mpirun")
    elif it["mpi_version"] != first["mpi_version"] and "Open MPI" in first["mpi_version"]:
        yield (f"{it['mpi_version']}, but the first host has {first['mpi_version']}",
               "install the same release of the system on both")


def user(it, first):
    if it["user"] != first["user"]:
        yield (f"ssh logs in as {it['user']}, on the first host as {first['user']}: paths below home differ",
               "take the same user on all hosts, or keep programs and data outside of home")


def power(it, _):
    bits = it["throttled"] or 0
    if bits & 1 << 0 or bits & 1 << 16:
        yield ("under-voltage " + ("now" if bits & 1 else "since it was started"),
               "a better power supply or a shorter, thicker cable")
    if bits & (1 << 1 | 1 << 2 | 1 << 3):
        yield ("its clock is held back now (heat or power)", "a heat sink or a fan, and a better power supply")


def heat(it, _):
    if it["temperature"] is not None and it["temperature"] >= WARM:
        yield (f"{it['temperature']:.0f} degrees", "a heat sink or a fan: at 80 to 85 degrees a Pi slows down")


def space(it, _):
    if not it["directory_there"]:
        yield (f"there is no directory {it['directory']}", f"mkdir -p {it['directory']} on it, or share the directory")
    elif it["disk"] < LOW_DISK:
        yield (f"{it['disk'] // MIB} MiB free in {it['directory']}", "make room: results and spilled chunks go there")


def program(it, first):
    mine, other = it.get("program"), first.get("program")
    if not mine:
        return
    if not mine["exists"]:
        yield ("the program is not there", "scripts/cluster run copies it, or copy it to the same path")
    elif not mine["runs"]:
        yield ("the program is not executable", "chmod +x it")
    elif mine["library"] == "not found":
        yield ("libbramble is not found there", "scripts/cluster install HOSTFILE")
    elif other and other["exists"] and mine["build_id"] != other["build_id"]:
        yield ("another build of the program than on the first host", "copy it again; scripts/cluster run does")
    elif other and mine["library_id"] != other["library_id"]:
        yield (f"another build of {mine['library']} than on the first host", "scripts/cluster install HOSTFILE")


RULES = [own_name, word_size, open_mpi, user, power, heat, space, program]


def twins(key, what, fix):
    """Hosts that say the same of themselves where each should say something else."""
    def compare(hosts, facts):
        seen = {}
        for host, it in zip(hosts, facts):
            if it[key] and it[key] in seen:
                yield Finding(host.name, what.format(other=seen[it[key]], value=it[key]), fix.format(value=it[key]))
            seen.setdefault(it[key], host.name)
    return compare


def clocks(hosts, facts):
    """Skew to the first host; "clock_off" is what check.py measured against here."""
    for host, it in zip(hosts, facts):
        off = it["clock_off"] - facts[0]["clock_off"]
        if abs(off) > SKEW:
            yield Finding(host.name, f"its clock is {abs(off):.0f} s {'ahead of' if off > 0 else 'behind'} the first host's",
                          "sudo timedatectl set-ntp true (or sudo apt install systemd-timesyncd)")


def networks(hosts, facts):
    """Several interfaces beside each other: Open MPI tries them all, and waits for those that lead nowhere."""
    subnet = common_subnet(facts)
    if len(hosts) < 2:
        return
    if subnet is None:
        yield Finding(hosts[0].name, "the hosts have no subnet in common", "put all of them on one switch and subnet")
        return
    for host, it in zip(hosts, facts):
        others = [f"{name} ({a})" for name, a in it["interfaces"] if str(subnet_of(a)) != subnet]
        if others:
            yield Finding(host.name, f"{', '.join(others)} beside {subnet}, which all hosts have",
                          f"scripts/cluster run does: --mca btl_tcp_if_include {subnet} --mca oob_tcp_if_include {subnet}")


COMPARISONS = [
    twins("hostname", "the same host name {value} as {other} (a copied card?)",
          "sudo hostnamectl set-hostname a-name-of-its-own, and in /etc/hosts"),
    twins("machine_id", "the same /etc/machine-id as {other} (a copied card)",
          "sudo rm /etc/machine-id && sudo systemd-machine-id-setup, then restart it"),
    clocks, networks,
]


def of_hosts(hosts, facts):
    """All findings of hosts whose agents answered."""
    found = [Finding(host.name, what, fix) for host, it in zip(hosts, facts) for rule in RULES
             for what, fix in rule(it, facts[0])]
    for compare in COMPARISONS:
        found.extend(compare(hosts, facts))
    return found
