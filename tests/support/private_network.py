"""A network of the test's own: the test program runs itself again in a network namespace, where every address of 127.0.0.0/8
and every port is free, and from which nothing gets out."""
import os
import subprocess
import sys

from appliance import need, need_root

MARK = "MAILBOXD_PRIVATE_NETWORK"


def enter():
    """To be called at the top of a test program; returns inside the namespace."""
    if os.environ.get(MARK):
        return
    need_root("a network namespace of its own")
    unshare, _ = need("unshare", "ip")
    os.environ[MARK] = "1"
    os.execv(unshare, [unshare, "--net", "--mount", "--", sys.executable, "-B", *sys.argv])


def up(addresses=range(1, 10)):
    """127.0.0.N as addresses of their own: some servers want to find theirs among the interface's."""
    ip = need("ip")
    subprocess.run([ip, "link", "set", "lo", "up"], check=True)
    for last in addresses:
        subprocess.run([ip, "address", "add", f"127.0.0.{last}/8", "dev", "lo"], check=False, capture_output=True)
