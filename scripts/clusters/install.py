# SPDX-License-Identifier: BSD-3-Clause
"""install - what packages.txt names, and the library, to every host
"""
import os
import subprocess
import tempfile

import check
import hosts

TOP = os.path.abspath(os.path.join(hosts.HERE, "../.."))


def options(parser):
    parser.add_argument("--prefix", default="/usr/local", help="where the library goes on the hosts")
    parser.add_argument("--tree", default=os.path.join(TOP, "build/release"), help="the build tree to install from")
    parser.add_argument("--no-packages", action="store_true", help="the library alone")


def packed(tree, prefix):
    """A tar archive of what the build tree installs, its names beginning at the prefix."""
    stage = tempfile.mkdtemp()
    done = subprocess.run(["cmake", "--install", tree, "--prefix", stage + prefix], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        raise hosts.Problem(f"{tree}: nothing to install; build it first (cmake --build --preset release)\n{done.stderr}")
    archive = os.path.join(stage, "bramble.tar.gz")
    subprocess.run(["tar", "-C", stage + prefix, "--owner=0", "--group=0", "-czf", archive, "."], check=True)
    return archive


def steps(arguments, place):
    """(what it is, shell command) on a host; sudo only where the prefix is not the user's."""
    if not arguments.no_packages:
        yield "packages", f"{place}/scripts/setup build"
    prefix = arguments.prefix
    yield "library", (f"root=; mkdir -p '{prefix}' 2>/dev/null && test -w '{prefix}' || root='sudo -n'; "
                      f"$root mkdir -p '{prefix}' && $root tar -C '{prefix}' -xzf {place}/bramble.tar.gz && "
                      "if [ \"$root\" ] || [ \"$(id -u)\" = 0 ]; then $root ldconfig; fi")


def install_on(host, arguments, archive):
    """One host: None, or what went wrong."""
    place = f"/tmp/bramble-{os.getuid()}/install"
    files = {archive: "bramble.tar.gz", os.path.join(TOP, "packages.txt"): "packages.txt",
             os.path.join(TOP, "scripts/setup"): "scripts/setup"}
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


def main(arguments):
    archive = packed(arguments.tree, arguments.prefix)
    all_hosts = hosts.start_all(arguments.hostfile, arguments.ssh)
    try:
        wrong = dict(same_machine(all_hosts))
        for host in all_hosts:
            error = "; ".join(host.refusal) if host.refusal else wrong.get(host) or \
                install_on(host, arguments, archive)
            wrong[host] = error
            print(f"{host}: {error or 'installed in ' + arguments.prefix}")
        return 1 if any(wrong.values()) else 0
    finally:
        hosts.stop_all(all_hosts)
