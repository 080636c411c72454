# SPDX-License-Identifier: BSD-3-Clause
"""install - what packages.txt names, the library and programs, to every host
"""
import os
import shlex
import subprocess
import tempfile

import check
import hosts

TOP = os.path.abspath(os.path.join(hosts.HERE, "../.."))


def options(parser):
    parser.add_argument("--prefix", default="/usr/local", help="where the library goes on the hosts")
    parser.add_argument("--tree", default=os.path.join(TOP, "build/release"), help="the build tree to install from")
    parser.add_argument("--program", action="append", default=[], metavar="FILE",
                        help="also copy this program to the same path on every host (may be given more than once)")
    parser.add_argument("--no-packages", action="store_true", help="no packages")


def packed(tree, prefix, stage):
    """A tar archive, in an empty directory, of what the build tree installs, its names beginning at the prefix."""
    done = subprocess.run(["cmake", "--install", tree, "--prefix", stage + prefix], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        raise hosts.Problem(f"{tree}: nothing to install; build it first (cmake --build --preset release)\n{done.stderr}")
    archive = os.path.join(stage, "bramble.tar.gz")
    # In a third of the time of gzip alone, and a tenth larger.
    subprocess.run(["tar", "-C", stage + prefix, "--owner=0", "--group=0", "--use-compress-program=gzip -1", "-cf", archive,
                    "."], check=True)
    return archive


def programs(names):
    """Where they are, here and on every host."""
    paths = [os.path.abspath(name) for name in names]
    for path in paths:
        if not os.path.isfile(path) or not os.access(path, os.X_OK):
            raise hosts.Problem(f"{path} is no program that can be run here")
    return paths


def writing_to(directory):
    """Makes a directory; from there on $root is what may write into it: sudo only where it is not the user's."""
    return (f"root=; mkdir -p {directory} 2>/dev/null && test -w {directory} || root='sudo -n'; "
            f"$root mkdir -p {directory} && ")


def steps(arguments, place):
    """(what it is, shell command) on a host."""
    if not arguments.no_packages:
        yield "packages", f"{place}/scripts/setup build"
    prefix = shlex.quote(arguments.prefix)
    yield "library", (writing_to(prefix) + f"$root tar -C {prefix} -xzf {place}/bramble.tar.gz && "
                      "if [ \"$root\" ] || [ \"$(id -u)\" = 0 ]; then $root ldconfig; fi")
    for path in arguments.program:
        # Whole or not at all, and without touching the one that was copied from.
        new, old, part = (shlex.quote(it) for it in (place + path, path, path + ".part"))
        yield path, (f"cmp -s {new} {old} || {{ {writing_to(shlex.quote(os.path.dirname(path)))}"
                     f"$root cp {new} {part} && $root mv -f {part} {old}; }}")


def install_on(host, arguments, archive):
    """One host: None, or what went wrong."""
    place = f"/tmp/bramble-{os.getuid()}/install"
    files = {archive: "bramble.tar.gz", os.path.join(TOP, "packages.txt"): "packages.txt",
             os.path.join(TOP, "scripts/setup"): "scripts/setup"}
    files.update((path, path[1:]) for path in arguments.program)
    for path, name in files.items():
        error = host.put(path, os.path.join(place, name))
        if error:
            return f"{place}/{name}: {error}"
    for what, text in steps(arguments, place):
        it = host.ask(1800, what="shell", text=text)
        if it is None:
            return "; ".join(host.refusal)
        if it["code"] != 0:
            return f"{what}: {it['output'].strip().splitlines()[-1] if it['output'].strip() else 'failed'}"
    return None


def same_machine(all_hosts):
    """What is built here runs on hosts of the same kind only."""
    for host, it in zip(*check.ask_facts(all_hosts, None, None)):
        if it["machine"] != os.uname().machine:
            yield host, f"it is {it['machine']}, the library was built for {os.uname().machine}: build it on one of them"


def install_on_all(arguments, archive):
    all_hosts = hosts.start_all(arguments.hostfile, arguments.ssh)
    try:
        wrong = dict(same_machine(all_hosts))
        for host in all_hosts:
            error = "; ".join(host.refusal) if host.refusal else wrong.get(host) or \
                install_on(host, arguments, archive)
            wrong[host] = error
            print(f"{host}: {error or ', '.join(['installed in ' + arguments.prefix] + arguments.program)}")
        return 1 if any(wrong.values()) else 0
    finally:
        hosts.stop_all(all_hosts)


def main(arguments):
    if not os.path.isabs(arguments.prefix):
        raise hosts.Problem(f"--prefix {arguments.prefix}: it is the same on all hosts, so it begins with /")
    arguments.program = programs(arguments.program)
    with tempfile.TemporaryDirectory() as stage:
        return install_on_all(arguments, packed(arguments.tree, arguments.prefix, stage))
