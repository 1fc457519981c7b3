# SPDX-License-Identifier: Apache-2.0
"""Programs that others wrote: where they are, a port for them, and when they answer."""

import glob
import os
import shutil
import socket
import unittest

from rig import Program, connect, listening_port, until


def program(name):
    """Its path, also of those that Debian keeps out of PATH; or a skip with the reason."""
    places = [*sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True), "/usr/sbin"]
    found = shutil.which(name, path=os.pathsep.join([*places, os.environ.get("PATH", os.defpath)]))
    if not found:
        raise unittest.SkipTest(f"{name} is not installed")
    return found


def free_port():
    """A port for a server that can't pick one itself. Nobody else gets it soon: the kernel goes round all of them."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        return holder.getsockname()[1]


def answers(port):
    try:
        connect(port).close()
    except ConnectionRefusedError:
        return False
    return True


def haproxy(case, text):
    """A running HAProxy; `text` follows the global section and the timeouts."""
    file = case.file(f"haproxy-{free_port()}.cfg", f"""global
  nbthread 1
defaults
  timeout connect 10s
  timeout client 60s
  timeout server 60s
{text}
""")
    running = case.started(Program(program("haproxy"), "-db", "-f", file))
    until(lambda: listening_port(running), "haproxy listens")
    return running


def nginx(case, text):
    """A running nginx, in one process; `text` goes into the http section."""
    folder = case.folder / f"nginx-{free_port()}"
    folder.mkdir()
    paths = "\n".join(f"  {kind}_temp_path {folder}/{kind};" for kind in
                      ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    file = folder / "nginx.conf"
    file.write_text(f"""daemon off;
master_process off;
pid {folder}/pid;
error_log stderr warn;
events {{ }}
http {{
  access_log off;
{paths}
{text}
}}
""", encoding="utf-8")
    running = case.started(Program(program("nginx"), "-p", folder, "-c", file))
    until(lambda: listening_port(running), "nginx listens")
    return running
