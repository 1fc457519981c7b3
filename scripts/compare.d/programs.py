# SPDX-License-Identifier: Apache-2.0
"""The programs that are measured: how each is found, set up and started. One worker each, on the server's core.

The peers are set up as their documentation advises for plain TCP: no logging, TCP_NODELAY (HAProxy always, nginx by
default), one upstream connection per client. Buffers keep the size that each program ships with, because that is what
its users run: 16 KiB in HAProxy and nginx, adaptive in shoal-proxy.
"""

import dataclasses
import os
import pathlib
import re
import shutil
import subprocess

# The largest provided buffer of the raw io_uring programs: one that holds a whole message measures best, and what is
# larger only spreads over more of the cache (256 KiB echo: 87 us with 64 KiB, 74 with 128, 63 with 256).
URING_BUFFER = 256 * 1024


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a program is to run in one measurement."""

    port: int
    cpu: int
    buffer: int
    endpoint_port: int
    directory: pathlib.Path  # for its configuration file


@dataclasses.dataclass(frozen=True)
class Program:
    name: str
    path: str | None         # None: it is not here
    advice: str              # what to do if it is not here
    version: str
    command: object          # from a Place to the command line


def catalogue(bin_dir):
    """All programs by name. The peers come from HAPROXY= and NGINX=, else from the PATH."""
    build = "./scripts/build release compare_programs"
    programs = [
        raw(bin_dir, "raw-epoll", "raw_epoll_echo", build),
        raw(bin_dir, "raw-uring", "raw_uring_echo", build),
        raw(bin_dir, "raw-epoll-relay", "raw_epoll_relay", build),
        raw(bin_dir, "raw-uring-relay", "raw_uring_relay", build),
        shoal_echo(bin_dir, "shoal-echo", "epoll", build),
        shoal_echo(bin_dir, "shoal-echo-uring", "io_uring", build),
        *(echo_style(bin_dir, style, build) for style in ("plain", "message", "session")),
        shoal_proxy(bin_dir, build),
        haproxy(),
        nginx(),
    ]
    return {program.name: program for program in programs}


def raw(bin_dir, name, binary, advice):
    path = existing(bin_dir / binary)

    def command(place):
        size = min(place.buffer, URING_BUFFER) if "uring" in binary else place.buffer
        line = [path, str(place.port), str(place.cpu), str(size)]
        return line + [str(place.endpoint_port)] if binary.endswith("relay") else line

    return Program(name, path, advice, "", command)


def shoal_echo(bin_dir, name, poller, advice):
    path = existing(bin_dir / "shoal-echo")

    def command(place):
        return [path, "--listen", f"127.0.0.1:{place.port}", "--shards", "1", "--cpus", str(place.cpu),
                "--poller", poller]

    return Program(name, path, advice, version_of(path, "--version"), command)


def echo_style(bin_dir, style, advice):
    path = existing(bin_dir / "bench_echo_styles")

    def command(place):
        return [path, "--style", style, "--listen", f"127.0.0.1:{place.port}", "--cpu", str(place.cpu)]

    return Program(f"echo-{style}", path, advice, "", command)


SHOAL_PROXY = """\
runtime: {{ shards: 1, cpus: "{cpu}", poller: epoll }}
listeners:
  - name: front
    bind: "127.0.0.1:{port}"
    protocol: tcp
    upstream: endpoint
upstreams:
  - name: endpoint
    endpoints: [ "127.0.0.1:{endpoint_port}" ]
"""


def shoal_proxy(bin_dir, advice):
    path = existing(bin_dir / "shoal-proxy")

    def command(place):
        return [path, "-c", written(place, "shoal.yaml", SHOAL_PROXY)]

    return Program("shoal-proxy", path, advice, version_of(path, "--version"), command)


HAPROXY = """\
global
    nbthread 1
    maxconn 4096
defaults
    mode tcp
    timeout connect 5s
    timeout client 60s
    timeout server 60s
listen relay
    bind 127.0.0.1:{port}
    server endpoint 127.0.0.1:{endpoint_port}
"""


def haproxy():
    path = on_path("HAPROXY", "haproxy")

    def command(place):
        return [path, "-db", "-f", written(place, "haproxy.cfg", HAPROXY)]

    return Program("haproxy", path, "./scripts/install-deps --compare, or HAPROXY=/path/to/haproxy",
                   version_of(path, "-v"), command)


NGINX = """\
{load_module}daemon off;
worker_processes 1;
worker_cpu_affinity {affinity};
pid {directory}/nginx.pid;
error_log {directory}/nginx.log crit;
events {{
    use epoll;
    worker_connections 4096;
}}
stream {{
    server {{
        listen 127.0.0.1:{port};
        proxy_connect_timeout 5s;
        proxy_timeout 60s;
        proxy_pass 127.0.0.1:{endpoint_port};
    }}
}}
"""


def nginx():
    path = on_path("NGINX", "nginx")
    built = printed_by(path, "-V")
    # Debian builds the stream module as a file of its own; elsewhere it is often part of the program.
    dynamic = "--with-stream=dynamic" in built
    modules = re.search(r"--modules-path=(\S+)", built)
    module = pathlib.Path(modules[1] if modules else "/usr/lib/nginx/modules") / "ngx_stream_module.so"
    has_stream = module.exists() if dynamic else "--with-stream" in built

    def command(place):
        text = written(place, "nginx.conf", NGINX, affinity=bin(1 << place.cpu)[2:],
                       load_module=f"load_module {module};\n" if dynamic else "")
        return [path, "-e", str(place.directory / "nginx.log"), "-c", text]

    return Program("nginx", path if has_stream else None,
                   "./scripts/install-deps --compare, or NGINX=/path/to/nginx (with the stream module)",
                   version_of(path, "-v"), command)


def written(place, name, template, **more):
    """The path of a configuration file made from a template."""
    file = place.directory / name
    file.write_text(template.format(**dataclasses.asdict(place) | more), encoding="utf-8")
    return str(file)


def existing(path):
    return str(path) if os.access(path, os.X_OK) else None


def on_path(variable, name):
    """The program that the environment names, else the one on the PATH or where Debian keeps servers."""
    found = shutil.which(os.environ.get(variable) or name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    return os.path.abspath(found) if found else None  # it is started in another directory


def printed_by(path, option):
    if not path:
        return ""
    done = subprocess.run([path, option], capture_output=True, text=True, timeout=10, check=False)
    return done.stdout + done.stderr


def version_of(path, option):
    lines = printed_by(path, option).splitlines()
    return re.sub(r" - https://\S+$", "", lines[0]) if lines else ""
