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


def blas_core(arguments, facts):
    """The OPENBLAS_CORETYPE that mpirun is to hand over, for ranks compute with one BLAS kernel: the user's own, else one for
    all where processors differ, else none. What stands in the options for mpirun is not repeated."""
    if "OPENBLAS_CORETYPE" in arguments.mpirun:
        return ""
    if "OPENBLAS_CORETYPE" in os.environ:
        return "OPENBLAS_CORETYPE"
    return "OPENBLAS_CORETYPE=" + findings.BLAS_CORE if findings.several_processors(facts) else ""


def command(arguments, all_hosts, facts, program):
    """What to execute; program is its path on every host."""
    parameters = dict(KEEPALIVE)
    subnet = findings.common_subnet(facts)
    if subnet and len(all_hosts) > 1:
        # mpirun itself takes part in the second one, perhaps on a machine that is none of the hosts.
        with_here = facts + [{"interfaces": agent.interfaces()}]
        parameters.update(btl_tcp_if_include=findings.to_include(subnet, facts),
                          oob_tcp_if_include=findings.to_include(subnet, with_here))
    if arguments.ssh != "ssh":
        parameters["plm_rsh_agent"] = arguments.ssh
    placing = ["-np", str(arguments.np)] if arguments.np else ["-np", str(len(all_hosts)), "--map-by", "node"]
    passed_on = [word for name in sorted(os.environ) if name.startswith("BRAMBLE_") for word in ("-x", name)]
    core = blas_core(arguments, facts)
    passed_on += ["-x", core] if core else []
    if os.path.dirname(program) != os.path.dirname(program_path(words(arguments)[0])):
        passed_on += ["-x", "LD_LIBRARY_PATH=" + os.path.dirname(program)]
    return ["mpirun", "--hostfile", arguments.hostfile] + placing + mca(parameters) + passed_on + \
        shlex.split(arguments.mpirun) + [program] + words(arguments)[1:]


def rank_0(all_hosts):
    """The number of its host: Open MPI begins with the one where mpirun is, whatever the order of the hostfile."""
    return next((i for i, host in enumerate(all_hosts) if host.is_here()), 0)


def relative_names(host, it):
    """Where a file goes that the program calls "out.nc": to the host of rank 0."""
    where = it["directory"] if it["directory_there"] else f"the home directory, since {it['directory']} is not there"
    return f"rank 0 is on {host}; names of files without / in front mean {host}:{where}"


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
    if "=" in blas_core(arguments, facts):
        print(f"cluster: processors differ ({findings.several_processors(facts)}): OPENBLAS_CORETYPE={findings.BLAS_CORE} "
              "makes BLAS agree on all hosts", file=sys.stderr)
    first = rank_0(all_hosts)
    print(f"cluster: {relative_names(all_hosts[first], facts[first])}", file=sys.stderr)
    if arguments.dry_run:
        return 0
    sys.stderr.flush()
    os.execvp(started[0], started)
