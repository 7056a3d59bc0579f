"""What a user does with a blueprint of the kind LocalProcess.

blueprint.py set NAME REPLICAS COMMAND...   add it, or change it
blueprint.py show NAME                      what is wanted, and what is
blueprint.py force NAME                     have its processes started afresh
blueprint.py remove NAME
"""
import json
import sys

from pycolonies import ColoniesConnectionError, colonies_client

colonies, colony, _, _, key = colonies_client()
if len(sys.argv) < 3:
    sys.exit(__doc__)
action, name, *rest = sys.argv[1:]

if action == "set":
    spec = {"command": rest[1:], "replicas": int(rest[0])}
    try:
        blueprint = colonies.get_blueprint(colony, name, key)
    except ColoniesConnectionError as error:
        if str(error) != "Blueprint not found":
            raise
        metadata = {"name": name, "colonyname": colony}
        colonies.add_blueprint({"kind": "LocalProcess", "metadata": metadata, "spec": spec}, key)
    else:
        blueprint["spec"] = spec  # an update replaces everything: send back what was read
        colonies.update_blueprint(blueprint, key)
elif action == "show":
    print(json.dumps(colonies.get_blueprint(colony, name, key), indent=2))
elif action == "force":
    colonies.reconcile_blueprint(colony, name, key, force=True)
elif action == "remove":
    colonies.remove_blueprint(colony, name, key)
else:
    sys.exit(__doc__)
