"""Shares files with the command line, in one object store. Arguments: host and port of the server, name of the colony;
the user's key and the store are in the environment."""
import os
import sys

from pycolonies import Colonies

host, port, colony = sys.argv[1:]
client, key = Colonies(host, int(port)), os.environ["COLONIES_PRVKEY"]

# What the command line put there.
assert client.download_data(colony, key, label="/mine", filename="a.txt") == b"hi"
assert client.download_data(colony, key, label="/mine/sub", filename="b.txt") == b"ho"

# What it is to find: some bytes, and a file that is so large that it goes up in parts.
client.upload_data(colony, key, filename="python.txt", data=b"from python", label="/mine")
with open("large-of-python", "wb") as file:
    for n in range(20):
        file.write(bytes([n]) * (1 << 20))
client.upload_file(colony, key, filepath="large-of-python", label="/mine")
print("done")
