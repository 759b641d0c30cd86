"""SSH itself: the only folder that knows fabric and paramiko, and imports them only to connect.

fabric merges ~/.ssh/config; host keys, logins and scripts are done here. fabric accepts any host key, and feeds a
script on `in_stream` one character per 10 ms (https://github.com/pyinvoke/invoke/issues/774).
"""

from clustr.remote.shell import SshConnection
from clustr.remote.ssh.login import AskPassphrase
from clustr.remote.ssh.network import Network

__all__ = ["AskPassphrase", "Network", "SshConnection"]
