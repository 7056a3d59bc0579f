"""Channels: a submitter and an executor talk while the process runs, one of them on the websocket."""
import threading

from pycolonies import ColoniesConnectionError
from setup import Setup

setup = Setup("channels")
client, user = setup.client, setup.user_prvkey
key = setup.executor("talker")
submitted = setup.submit(channels=["chat"])
process_id = submitted.processid
assert submitted.spec.channels == ["chat"], submitted.spec

assert client.channel_read(process_id, "chat", 0, 0, user) == []
client.channel_append(process_id, "chat", 1, "hello", user)
assert client.assign(setup.colonyname, 10, key).processid == process_id
read = client.channel_read(process_id, "chat", 0, 0, key)
assert [(entry["sequence"], entry["payload"], entry["type"]) for entry in read] == [(1, b"hello", "data")], read

# The submitter listens while the executor answers, and hears all until the process is closed.
heard, begun = [], threading.Event()


def hear(entries):
    heard.extend(entries)
    begun.set()


listening = threading.Thread(target=lambda: client.subscribe_channel(process_id, "chat", user, 0, 60, hear))
listening.start()
assert begun.wait(60)
for n, word in enumerate([b"to", bytes(range(256)), b""]):
    client.channel_append(process_id, "chat", n, word, key, in_reply_to=1, payload_type="end" if n == 2 else "")
client.close(process_id, [], key)
listening.join()
assert [entry["payload"] or b"" for entry in heard] == [b"hello", b"to", bytes(range(256)), b""], heard
assert [entry["type"] for entry in heard] == ["data", "data", "data", "end"], heard
assert all(entry["inreplyto"] == 1 for entry in heard[1:]), heard

try:
    client.channel_read(process_id, "chat", 0, 0, user)
    raise SystemExit("a closed process still has its channel")
except ColoniesConnectionError as error:
    assert str(error) == "Channel not found", error

# A time-out ends the list.
other = setup.submit(channels=["chat"])
client.channel_append(other.processid, "chat", 1, "alone", user)
heard = client.subscribe_channel(other.processid, "chat", user, timeout=1)
assert [entry["payload"] for entry in heard] == [b"alone"], heard
print("done")
