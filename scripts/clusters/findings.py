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

# OpenBLAS picks its kernel by the processor when it is loaded, and each rounds in a way of its own. This one is a Pi 3's:
# later 64-bit ARM processors execute it, too. Where OpenBLAS was built without it, it takes ARMV8 for it, on every host.
BLAS_CORE = "CORTEXA53"
PROCESSORS = {"0xd03": "Cortex-A53", "0xd08": "Cortex-A72", "0xd0b": "Cortex-A76"}


def subnet_of(address):
    return ipaddress.ip_interface(address).network


def is_ones_own(subnet, facts):
    """Two hosts have the same address in it: the network inside of each host, as docker0 is."""
    addresses = [a for it in facts for _, a in it["interfaces"] if str(subnet_of(a)) == subnet]
    return len(set(addresses)) < len(addresses)


def common_subnet(facts):
    """The subnet in which every host has an address: the one of the interface that is not wireless if there are two."""
    shared = set.intersection(*({str(subnet_of(a)) for _, a in it["interfaces"]} for it in facts)) if facts else set()
    shared = {subnet for subnet in shared if not is_ones_own(subnet, facts)}
    wired = [str(subnet_of(a)) for it in facts for name, a in it["interfaces"] if name[0] == "e"]
    best = sorted(shared, key=lambda s: (-wired.count(s), s))
    return best[0] if best else None


def inside(subnet, it):
    """(name, address) of a host's interfaces in a subnet: one with a cable before one without."""
    mine = [(name, a.partition("/")[0]) for name, a in it["interfaces"] if str(subnet_of(a)) == subnet]
    return sorted(mine, key=lambda link: (link[0][0] != "e", link[0][0] == "w"))


def to_include(subnet, facts):
    """What Open MPI is to use on all hosts: the subnet, whatever its interfaces are called. Where a host has more than one
    interface in it, that would leave the choice to Open MPI: then the name of the one with the cable, but only if it is the
    same on all hosts, since a name that a host does not have is an error there."""
    links = [inside(subnet, it) for it in facts]
    names = {mine[0][0] if mine else None for mine in links}
    several = any(name != mine[0][0] for mine in links for name, _ in mine)
    return names.pop() if several and len(names) == 1 else subnet


def several_processors(facts):
    """The kinds of ARM processor that the hosts have, when these are more than one; else ""."""
    parts = sorted({part for it in facts for part in it["cpu"]})
    return ", ".join(PROCESSORS.get(part, "CPU part " + part) for part in parts) if len(parts) > 1 else ""


def own_name(it, _):
    if it["own_address"].startswith("127."):
        yield (f"its own name {it['hostname']} means {it['own_address']}, which other hosts take for themselves",
               f"in its /etc/hosts, delete the line \"{it['own_address']} {it['hostname']}\" or put its real address there")
    elif not it["own_address"]:
        yield (f"its own name {it['hostname']} has no address", "add its address and name to its /etc/hosts")


def word_size(it, _):
    if it["bits"] != "64":
        yield (f"a system of {it['bits'] or 'unknown'} bits", "write its card with the 64-bit Raspberry Pi OS")


def machine(it, first):
    if it["machine"] != first["machine"]:
        yield (f"it is {it['machine']}, the first host {first['machine']}",
               "all hosts must run the same kind of system: programs are built for one")


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


def library(it, first):
    """The installed one; a program's own is the program's finding."""
    if it.get("program"):
        return
    if first["library"] and not it["library"]:
        yield (f"libbramble is not installed, on the first host it is ({first['library']})",
               "scripts/cluster install HOSTFILE")
    elif it["library"] and first["library"] and it["library_id"] != first["library_id"]:
        yield (f"another build of {it['library']} than on the first host (build-id {it['library_id'][:12]}, "
               f"there {first['library_id'][:12]})", "scripts/cluster install HOSTFILE")


RULES = [own_name, word_size, machine, open_mpi, user, power, heat, space, program, library]


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


def second_way(host, it, subnet, included):
    """More than one interface in the subnet of all, as eth0 and wlan0 at home: messages go by either of them."""
    (first, address), *others = inside(subnet, it)
    for name, other in others:
        if name != first:
            fix = f"on it: sudo ip link set {name} down (until it restarts)"
            if name[0] == "w" and first[0] != "w":
                fix += ", or for good: sudo nmcli radio wifi off"
            if included == first:
                fix += f"; until then scripts/cluster run does: --mca btl_tcp_if_include {first}"
            yield Finding(host.name, f"{name} ({other}) beside {first} ({address}), both in {subnet}", fix)


def networks(hosts, facts):
    """Several interfaces beside each other: Open MPI tries them all, and waits for those that lead nowhere."""
    subnet = common_subnet(facts)
    if len(hosts) < 2:
        return
    if subnet is None:
        yield Finding(hosts[0].name, "the hosts have no subnet in common", "put all of them on one switch and subnet")
        return
    included = to_include(subnet, facts)
    for host, it in zip(hosts, facts):
        yield from second_way(host, it, subnet, included)
        others = [f"{name} ({a})" for name, a in it["interfaces"] if str(subnet_of(a)) != subnet]
        if others:
            yield Finding(host.name, f"{', '.join(others)} beside {subnet}, which all hosts have",
                          f"scripts/cluster run does: --mca btl_tcp_if_include {included} --mca oob_tcp_if_include {subnet}")


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
