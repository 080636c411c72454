# SPDX-License-Identifier: BSD-3-Clause
"""run - a program on the hosts, with the options that a cluster needs, copied where paths are not shared
"""
import os
import shlex
import shutil
import sys

import agent
import check
import findings
import hosts

# Without these a cut cable is noticed after minutes: with them after 3 + 3 * 2 seconds.
KEEPALIVE = {"oob_tcp_keepalive_time": 3, "oob_tcp_keepalive_intvl": 2, "oob_tcp_keepalive_probes": 3}


def options(parser):
    parser.add_argument("-np", type=int, help="ranks (default: one a host, each with a thread for every core)")
    parser.add_argument("--mpirun", default="", metavar="OPTIONS", help="further options of mpirun, as one word")
    parser.add_argument("--dry-run", action="store_true", help="print the command and copy nothing")
    parser.add_argument("program")
    parser.add_argument("arguments", nargs="...")


def words(arguments):
    """The program and its arguments: what follows the first "--", if there is one."""
    given = [arguments.program] + arguments.arguments
    return given[1:] if given[0] == "--" else given


def program_path(name):
    path = os.path.abspath(name) if os.sep in name else shutil.which(name)
    if not path or not os.access(path, os.X_OK):
        raise hosts.Problem(f"{name} is no program that can be run here")
    return path


def must_answer(all_hosts, program):
    answering, facts = check.ask_facts(all_hosts, program, os.getcwd())
    broken = [findings.Finding(host.name, *host.refusal) for host in all_hosts if host.refusal]
    for host, it in zip(answering, facts):
        broken += [findings.Finding(host.name, what, fix) for rule in (findings.word_size, findings.open_mpi)
                   for what, fix in rule(it, facts[0])]
    if broken:
        check.report(broken)
        sys.exit(1)
    return facts


def same_everywhere(facts, here):
    return all(it["program"]["build_id"] == here["build_id"] and it["program"]["runs"] and
               it["program"]["library_id"] == here["library_id"] for it in facts)


def copy_to_all(all_hosts, program, here):
    """The program and its libbramble to one place, named after their builds; returns the program's path there."""
    place = f"/tmp/bramble-{os.getuid()}/{here['build_id'][:12]}-{here['library_id'][:12]}"
    files = [program] + ([os.path.realpath(here["library"])] if here["library"] else [])
    names = [os.path.basename(program)] + ([os.path.basename(here["library"])] if here["library"] else [])
    for host in all_hosts:
        for path, name in zip(files, names):
            error = host.put(path, os.path.join(place, name))
            if error:
                raise hosts.Problem(f"{host}:{place}/{name}: {error}")
    print(f"cluster: {', '.join(names)} copied to {place} on {len(all_hosts)} hosts", file=sys.stderr)
    return os.path.join(place, names[0])


def mca(parameters):
    return [word for name, value in parameters.items() for word in ("--mca", name, str(value))]


def command(arguments, all_hosts, facts, program):
    """What to execute; program is its path on every host."""
    parameters = dict(KEEPALIVE)
    subnet = findings.common_subnet(facts)
    if subnet and len(all_hosts) > 1:
        parameters.update(btl_tcp_if_include=subnet, oob_tcp_if_include=subnet)
    if arguments.ssh != "ssh":
        parameters["plm_rsh_agent"] = arguments.ssh
    placing = ["-np", str(arguments.np)] if arguments.np else ["-np", str(len(all_hosts)), "--map-by", "node"]
    passed_on = [word for name in sorted(os.environ) if name.startswith("BRAMBLE_") for word in ("-x", name)]
    if os.path.dirname(program) != os.path.dirname(program_path(words(arguments)[0])):
        passed_on += ["-x", "LD_LIBRARY_PATH=" + os.path.dirname(program)]
    return ["mpirun", "--hostfile", arguments.hostfile] + placing + mca(parameters) + passed_on + \
        shlex.split(arguments.mpirun) + [program] + words(arguments)[1:]


def main(arguments):
    program = program_path(words(arguments)[0])
    here = agent.program_facts(program)
    if here["library"] == "not found":
        raise hosts.Problem(f"{program} does not find libbramble here; see ldd {program}")
    all_hosts = hosts.start_all(arguments.hostfile, arguments.ssh)
    try:
        facts = must_answer(all_hosts, program)
        if not same_everywhere(facts, here) and not arguments.dry_run:
            program = copy_to_all(all_hosts, program, here)
    finally:
        hosts.stop_all(all_hosts)
    started = command(arguments, all_hosts, facts, program)
    print("cluster: " + shlex.join(started), file=sys.stderr)
    where = facts[0]["directory"] if facts[0]["directory_there"] else "the home directory, since " + \
        facts[0]["directory"] + " is not there"
    print(f"cluster: rank 0 is on {all_hosts[0]}; names of files without / in front mean {all_hosts[0]}:{where}",
          file=sys.stderr)
    if arguments.dry_run:
        return 0
    sys.stderr.flush()
    os.execvp(started[0], started)
