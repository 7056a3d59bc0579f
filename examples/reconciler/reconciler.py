"""A reconciler: keeps local processes running as the blueprints of kind LocalProcess say. docs/reconciler.md explains it."""
import signal
import socket
import subprocess
import sys
import time

from pycolonies import ColoniesConnectionError, Crypto, colonies_client
from pydantic import ValidationError

KIND, TYPE = "LocalProcess", "process-reconciler"
LOOK_EVERY = 2  # seconds, also while nobody asks for anything

DEFINITION = {
    "kind": "BlueprintDefinition",
    "metadata": {"name": "local-process"},
    "spec": {
        "names": {"kind": KIND},
        "schema": {
            "properties": {
                "command": {"type": "array", "items": {"type": "string"}},
                "replicas": {"type": "number"},
            },
            "required": ["command", "replicas"],
        },
        "handler": {"executorType": TYPE, "functionName": "reconcile"},
    },
}

colonies, colony, colony_prvkey, _, _ = colonies_client()
key = Crypto().prvkey()
executor = {"executorname": f"reconciler-{socket.gethostname()}", "executorid": Crypto().id(key),
            "executortype": TYPE, "colonyname": colony}
wanted = {}    # blueprints by name, as the server last told
running = {}   # name -> [Popen]
reported = {}  # name -> the status that the server has


def register():
    colonies.add_executor(executor, colony_prvkey)
    colonies.approve_executor(colony, executor["executorname"], colony_prvkey)
    known = colonies.get_blueprint_definitions(colony, colony_prvkey)
    if DEFINITION["metadata"]["name"] not in [definition["metadata"]["name"] for definition in known]:
        DEFINITION["metadata"]["colonyname"] = colony
        colonies.add_blueprint_definition(DEFINITION, colony_prvkey)


def stop(process):
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def converge(name, command, replicas):
    """Makes it so: as many processes of this command as are wanted, and no other."""
    alive = [process for process in running.get(name, []) if process.poll() is None]
    keep = [process for process in alive if process.args == command][:replicas]
    for process in alive:
        if process not in keep:
            stop(process)
    running[name] = keep
    while len(keep) < replicas:
        keep.append(subprocess.Popen(command, stdin=subprocess.DEVNULL))


def converge_all():
    """Everything, whatever changed: so it does not matter which request was lost, or came twice."""
    for name in running.keys() - wanted.keys():
        converge(name, None, 0)
        del running[name]
        reported.pop(name, None)
    for name, blueprint in wanted.items():
        spec, error = blueprint["spec"], ""
        try:
            converge(name, spec["command"], max(0, int(spec["replicas"])))
        except (OSError, ValueError, IndexError) as problem:  # a command that cannot be started: the others still count
            error = str(problem)
        pids = [process.pid for process in running[name]]
        blueprint["status"] = {"running": len(pids), "pids": pids, "error": error,
                               "generation": blueprint["metadata"].get("generation", 0)}


def report():
    for name, blueprint in wanted.items():
        if reported.get(name) != blueprint["status"]:
            print(name, blueprint["status"], flush=True)
            colonies.update_blueprint_status(colony, name, blueprint["status"], key)
            reported[name] = blueprint["status"]


def look():
    blueprints = colonies.get_blueprints(colony, key, kind=KIND) or []
    wanted.clear()
    wanted.update((blueprint["metadata"]["name"], blueprint) for blueprint in blueprints)
    converge_all()
    report()


def carry_out(processid, kwargs):
    if kwargs.get("force"):
        for child in running.get(kwargs["blueprintName"], []):
            stop(child)
    look()
    colonies.close(processid, [], key)


def left_over():
    """What is assigned to this executor already: nobody else would close it."""
    processes = colonies.list_processes(colony, 100, colonies.RUNNING, key) or []
    return [(process["processid"], process["spec"]["kwargs"]) for process in processes
            if process["assignedexecutorid"] == executor["executorid"]]


def next_work():
    try:
        process = colonies.assign(colony, LOOK_EVERY, key)
        return [(process.processid, process.spec.kwargs)]
    except ValidationError:  # pycolonies 1.0.25 cannot read "force": true, but the process is ours now
        return left_over()
    except ColoniesConnectionError as error:
        if "No process available" in str(error):
            return []
        raise


def run():
    work = None
    while True:
        try:
            if work is None:  # at the start, and whenever a reply may have been lost
                reported.clear()
                work = left_over()
            look()
            for processid, kwargs in work:
                carry_out(processid, kwargs)
            work = next_work()
        except ColoniesConnectionError as error:
            print("the server does not answer, or refuses:", error, flush=True)
            work = None
            converge_all()  # what was wanted last is still wanted
            time.sleep(1)


signal.signal(signal.SIGTERM, lambda *_: sys.exit())
register()
print("waiting for blueprints of kind", KIND, flush=True)
try:
    run()
except KeyboardInterrupt:
    pass
finally:
    wanted.clear()
    converge_all()
    colonies.remove_executor(colony, executor["executorname"], colony_prvkey)
