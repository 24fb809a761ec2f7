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
    unshare, ip = need("unshare", "ip")
    os.environ[MARK] = "1"
    # Its processes end with it: a new process namespace whose first process is the test.
    os.execv(unshare, [unshare, "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child", "--", sys.executable, "-B",
                       *sys.argv])


def up():
    ip = need("ip")
    subprocess.run([ip, "link", "set", "lo", "up"], check=True)
