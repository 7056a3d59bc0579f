"""The tutorial's other exercise: an executor that is too slow gets the process again until its retries are used up."""
from pycolonies import Colonies, ColoniesConnectionError
from setup import Setup

setup = Setup("timeout")
client, key = setup.client, setup.executor("slow")
submitted = setup.submit(maxexectime=1, maxretries=2)
for retries in range(3):
    process = client.assign(setup.colonyname, 30, key)
    assert (process.processid, process.retries) == (submitted.processid, retries), process
# The next poll outlives the last attempt: there is nothing more to do.
try:
    client.assign(setup.colonyname, 4, key)
    raise SystemExit("the process was handed out once too often")
except ColoniesConnectionError as error:
    assert str(error) == "No process available for assignment", error
process = client.get_process(submitted.processid, setup.user_prvkey)
assert process.state == Colonies.FAILED, process
assert process.errors == ["Maximum execution time limit exceeded"], process
try:
    client.close(submitted.processid, ["too late"], key)
    raise SystemExit("a failed process was closed")
except ColoniesConnectionError as error:
    assert str(error) == "Tried to set failed process as successful", error
print("done")
