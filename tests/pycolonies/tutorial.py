"""The tutorial's job: register, approve, add a function, submit, assign, log, close, wait."""
import threading

from pycolonies import Colonies, ColoniesConnectionError
from setup import Setup

setup = Setup("tutorial")
client, colony = setup.client, setup.colonyname
assert [c["name"] for c in client.list_colonies("fcc79953d8a751bf41db661592dc34d30004b1a651ffa0725b03ac227641499d")] == [colony]

key = setup.executor("hello")
client.add_function(colony, "hello", "helloworld", key)
functions = client.get_functions_by_executor(colony, "hello", key)
assert [f["funcname"] for f in functions] == ["helloworld"], functions
executor = client.get_executor(colony, "hello", key)
assert executor["state"] == 1, executor

# An executor that asks before there is work waits for it.
assigned = []
asking = threading.Thread(target=lambda: assigned.append(client.assign(colony, 30, key)))
asking.start()
submitted = setup.submit(args=["a", 1], kwargs={"k": "v"}, env={"NAME": "value"}, maxexectime=100, maxretries=3)
assert submitted.state == Colonies.WAITING and submitted.initiatorname == "user", submitted
asking.join()
process = assigned[0]
assert process.processid == submitted.processid and process.state == Colonies.RUNNING, process
assert process.spec.args == ["a", 1] and process.spec.kwargs == {"k": "v"} and process.spec.env == {"NAME": "value"}

# Whoever submitted it waits on the websocket while it is worked on.
waited = []
waiting = threading.Thread(target=lambda: waited.append(client.wait(submitted, 60, setup.user_prvkey)))
waiting.start()
client.add_log(process.processid, "Hello from executor\n", key)
attribute = client.add_attribute(process.processid, "progress", "half", key)
assert client.get_attribute(attribute["attributeid"], key)["value"] == "half"
client.close(process.processid, ["helloworld", 42], key)
waiting.join()
assert waited[0].state == Colonies.SUCCESSFUL and waited[0].output == ["helloworld", 42], waited[0]

logs = client.get_process_log(colony, process.processid, 10, 0, setup.user_prvkey)
assert [line["message"] for line in logs] == ["Hello from executor\n"], logs
listed = client.list_processes(colony, 10, Colonies.SUCCESSFUL, setup.user_prvkey)
assert [p["processid"] for p in listed] == [process.processid], listed
functions = client.get_functions_by_executor(colony, "hello", key)
assert functions[0]["counter"] == 1, functions

# Waiting for what is done already answers at once.
assert client.wait(submitted, 60, setup.user_prvkey).state == Colonies.SUCCESSFUL

# A failure, and what is refused.
failing = setup.submit()
assert client.assign(colony, 10, key).processid == failing.processid
client.fail(failing.processid, ["it broke"], key)
failed = client.get_process(failing.processid, setup.user_prvkey)
assert failed.state == Colonies.FAILED and failed.errors == ["it broke"], failed
try:
    client.assign(colony, 1, key)
    raise SystemExit("an assign without work came back with some")
except ColoniesConnectionError as error:
    assert str(error) == "No process available for assignment", error
try:
    client.get_process(failing.processid, setup.colony_prvkey)
    raise SystemExit("the colony's owner is no member and may not read")
except ColoniesConnectionError as error:
    assert str(error) == "Access denied, not a member of Colony with name <tutorial>", error

assert client.stats(colony, setup.user_prvkey)["successfulprocesses"] == 1
client.remove_executor(colony, "hello", setup.colony_prvkey)
print("done")
