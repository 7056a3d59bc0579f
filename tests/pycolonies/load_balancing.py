"""The tutorial's exercise: several executors share the work, and each process is done once."""
import collections
import threading

from pycolonies import Colonies, ColoniesConnectionError
from setup import Setup

EXECUTORS, PROCESSES = 4, 24
setup = Setup("balancing")
done = collections.defaultdict(list)
everybody_has_worked = threading.Barrier(EXECUTORS)


def work(name, key):
    client = Colonies(setup.client.host, setup.client.port)
    first = True
    while True:
        try:
            process = client.assign(setup.colonyname, 5, key)
        except ColoniesConnectionError as error:
            assert str(error) == "No process available for assignment", error
            return
        if first:
            # Nobody can take it all: each holds one before any is closed.
            everybody_has_worked.wait(60)
            first = False
        client.close(process.processid, [name], key)
        done[name].append(process.processid)


submitted = [setup.submit().processid for _ in range(PROCESSES)]
threads = [threading.Thread(target=work, args=(name, setup.executor(name))) for name in map("e{}".format, range(EXECUTORS))]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert len(done) == EXECUTORS, done
assert sorted(sum(done.values(), [])) == sorted(submitted), done
for name, processes in done.items():
    for process in processes:
        assert setup.client.get_process(process, setup.user_prvkey).output == [name]
print("done")
