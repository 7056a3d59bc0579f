"""Workflows as the tutorial has them, and map-reduce: a running node adds the nodes that do its parts."""
from pycolonies import Conditions, FuncSpec, Workflow
from setup import Setup

setup = Setup("workflows")
client, colony, user = setup.client, setup.colonyname, setup.user_prvkey
key = setup.executor("worker")
kind = client.get_executor(colony, "worker", key)["executortype"]


def node(name, dependencies=(), funcname="helloworld"):
    conditions = Conditions(colonyname=colony, executortype=kind, dependencies=list(dependencies))
    return FuncSpec(funcname=funcname, nodename=name, conditions=conditions, maxexectime=100, maxretries=3)


# A diamond: b and c get what a put out, d gets both of theirs.
workflow = Workflow(colonyname=colony)
workflow.functionspecs = [node("a"), node("b", ["a"]), node("c", ["a"]), node("d", ["b", "c"])]
graph = client.submit_workflow(workflow, user)
seen = {}
for _ in range(4):
    process = client.assign(colony, 10, key)
    seen[process.spec.nodename] = process.input
    client.close(process.processid, [process.spec.nodename], key)
assert seen == {"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"]}, seen
assert client.get_processgraph(graph.processgraphid, user).state == 2
nodes = client.get_processes_for_workflow(graph.processgraphid, colony, user)
assert len(nodes) == 4, nodes

# Map-reduce: the first node adds three parts between itself and the sum.
workflow = Workflow(colonyname=colony)
workflow.functionspecs = [node("map"), node("reduce", ["map"])]
graph = client.submit_workflow(workflow, user)
process = client.assign(colony, 10, key)
reduce_id = next(p for p in graph.processids if p != process.processid)
for part in range(3):
    client.add_child(graph.processgraphid, process.processid, reduce_id, node(f"part{part}"), f"part{part}", False, key)
client.close(process.processid, [], key)
for _ in range(3):
    part = client.assign(colony, 10, key)
    assert part.spec.nodename.startswith("part"), part.spec.nodename
    client.close(part.processid, [int(part.spec.nodename[4:])], key)
total = client.assign(colony, 10, key)
assert total.spec.nodename == "reduce" and sorted(total.input) == [0, 1, 2], (total.spec.nodename, total.input)
client.close(total.processid, [sum(total.input)], key)
assert client.get_processgraph(graph.processgraphid, user).state == 2

print("done")
