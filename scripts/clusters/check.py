# SPDX-License-Identifier: BSD-3-Clause
"""check - a table of the hosts, of the links between them, and what to fix
"""
import time

import findings
import hosts
from findings import GIB, Finding

AGAIN, GIGABIT = 4, 1000  # times, Mbit/s


def options(parser):
    parser.add_argument("--program", help="also look at this program and its libbramble on every host")
    parser.add_argument("--directory", help="the working directory (default: where ssh arrives)")
    parser.add_argument("--no-links", action="store_true", help="leave the connections between hosts out")


def clock_off(host):
    """How far a host's clock is ahead of ours, in seconds: compared with the middle between a question and its answer, of
    the one of some that was answered soonest. That is wrong by half of how long it took, so a busy host is asked more."""
    asked = []
    for tries in range(10):
        if tries >= 3 and asked and min(asked)[0] < findings.SKEW / 2:
            break
        start = time.time()
        answer = host.ask(what="clock")
        end = time.time()
        if answer:
            asked.append((end - start, answer["clock"] - (start + end) / 2))
    return min(asked)[1] if asked else 0


def ask_facts(all_hosts, program, directory):
    """Facts of the hosts that answer, in the order of those. All look for them at the same time."""
    for host in all_hosts:
        host.post(what="facts", program=program, directory=directory)
    answers = [(host, host.answer()) for host in all_hosts]
    facts = [(host, it) for host, it in answers if it is not None]
    for host, it in facts:
        it["clock_off"] = clock_off(host)
    return [host for host, _ in facts], [it for _, it in facts]


def align(rows):
    """Rows of cells as lines; the first column to the left, the others to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        yield "  ".join([row[0].ljust(widths[0])] + [c.rjust(w) for c, w in zip(row[1:], widths[1:])]).rstrip()


def unknown_or(value, text):
    return "-" if value is None else text.format(value)


def table(all_hosts, facts):
    yield ["host", "slots", "cores", "memory", "free", "disk", "clock", "temp.", "throttled", "machine", "Open MPI"]
    for host, it in zip(all_hosts, facts):
        yield [host.name, str(host.slots), str(it["cores"]), f"{it['MemTotal'] / GIB:.1f} GiB",
               f"{it['MemAvailable'] / GIB:.1f} GiB", "-" if it["disk"] is None else f"{it['disk'] / GIB:.1f} GiB",
               f"{it['clock_off'] - facts[0]['clock_off']:+.1f} s", unknown_or(it["temperature"], "{:.0f} C"),
               unknown_or(it["throttled"], "{:#x}"), it["machine"], it["mpi_version"].rpartition(" ")[2] or "-"]


def address_in(subnet, it):
    """The host's address in a subnet, by cable if there are two; or its first one."""
    for _, address in findings.inside(subnet, it):
        return address
    return it["interfaces"][0][1].partition("/")[0] if it["interfaces"] else "127.0.0.1"


def measure_link(host, to, address):
    port = (to.ask(what="listen") or {}).get("port")
    return host.ask(40, what="connect", address=address, port=port) or {"error": "the host is gone"}


def measure_links(all_hosts, facts):
    """{(from, to): answer of connect()} for each ordered pair, one pair after the other so that none disturbs another.
    What looks slow is measured again, since whatever else the hosts do only makes a link seem slower."""
    subnet = findings.common_subnet(facts)
    answers = {(i, j): measure_link(host, to, address_in(subnet, facts[j]))
               for i, host in enumerate(all_hosts) for j, to in enumerate(all_hosts) if i != j}
    for _ in range(AGAIN):
        slow = [j for j, _, _ in slow_hosts(len(all_hosts), answers)]
        for i, j in ((i, j) for j in slow for i in range(len(all_hosts)) if "mbit" in answers.get((i, j), {})):
            again = measure_link(all_hosts[i], all_hosts[j], address_in(subnet, facts[j]))
            answers[i, j] = max(answers[i, j], again, key=lambda it: it.get("mbit", 0))
    return answers


def link_table(all_hosts, answers):
    yield ["us / Mbit/s"] + ["to " + host.name for host in all_hosts]
    for i, host in enumerate(all_hosts):
        row = [host.name]
        for j, _ in enumerate(all_hosts):
            it = answers.get((i, j))
            row.append("" if it is None else "FAILED" if "error" in it else f"{it['latency_us']:.0f} / {it['mbit']:.0f}")
        yield row


def slow_hosts(count, answers):
    """(host, Mbit/s to it at best, Mbit/s of the best link) of hosts that are much slower than the others, and slower than
    what one is told to buy."""
    rates = {pair: it["mbit"] for pair, it in answers.items() if "mbit" in it}
    best = max(rates.values(), default=0)
    for j in range(count):
        towards = max((rate for (_, to), rate in rates.items() if to == j), default=None)
        if count > 2 and towards is not None and towards < min(best / 4, GIGABIT):
            yield j, towards, best


def slow_and_closed_links(all_hosts, answers):
    """A connection to a random port that fails, and hosts that are much slower than the others."""
    for (i, j), it in answers.items():
        if "error" in it:
            yield Finding(all_hosts[j].name, f"{all_hosts[i]} can't connect to a port of it ({it['error']}): a firewall?",
                          "allow the cluster's subnet: sudo ufw allow from SUBNET, or sudo ufw disable")
    for j, towards, best in slow_hosts(len(all_hosts), answers):
        yield Finding(all_hosts[j].name, f"at most {towards:.0f} Mbit/s to it, {best:.0f} to others",
                      "another cable (all eight wires), a port of the switch with 1 Gbit/s, not wireless")


def show(rows):
    for line in align(list(rows)):
        print(line)


def remark(facts):
    """What is no fault, since `run` takes care of it."""
    several = findings.several_processors(facts)
    if several:
        print(f"\nprocessors differ ({several}): scripts/cluster run makes BLAS agree, by -x OPENBLAS_CORETYPE="
              f"{findings.BLAS_CORE} where you set none")


def report(found):
    if not found:
        print("\nnothing to fix")
        return 0
    print("\nto fix:")
    for number, it in enumerate(found, 1):
        print(f"{number:2}. {it.host}: {it.what}\n    {it.fix}")
    return 1


def look(arguments, all_hosts):
    """Prints the tables and returns all findings."""
    answering, facts = ask_facts(all_hosts, arguments.program, arguments.directory)
    found = [Finding(host.name, *host.refusal) for host in all_hosts if host.refusal]
    if not answering:
        return found
    show(table(answering, facts))
    remark(facts)
    found += findings.of_hosts(answering, facts)
    if len(answering) > 1 and not arguments.no_links:
        print()
        answers = measure_links(answering, facts)
        show(link_table(answering, answers))
        found += slow_and_closed_links(answering, answers)
    return found


def main(arguments):
    all_hosts = hosts.start_all(arguments.hostfile, arguments.ssh)
    try:
        return report(look(arguments, all_hosts))
    finally:
        hosts.stop_all(all_hosts)
