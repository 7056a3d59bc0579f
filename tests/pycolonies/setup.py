"""What the scripts here share: a client, a colony, executors. Arguments: host and port of the server."""
import sys

from crypto import Crypto
from model import Conditions, FuncSpec
from pycolonies import Colonies

SERVER_PRVKEY = "fcc79953d8a751bf41db661592dc34d30004b1a651ffa0725b03ac227641499d"
TYPE = "helloworld-executor"


def new_key():
    crypto = Crypto()
    prvkey = crypto.prvkey()
    return prvkey, crypto.id(prvkey)


class Setup:
    def __init__(self, colonyname):
        self.client = Colonies(sys.argv[1], int(sys.argv[2]))
        self.colonyname = colonyname
        self.colony_prvkey, colonyid = new_key()
        added = self.client.add_colony({"colonyid": colonyid, "name": colonyname}, SERVER_PRVKEY)
        assert added["name"] == colonyname, added
        self.user_prvkey, userid = new_key()
        user = {"colonyname": colonyname, "userid": userid, "name": "user", "email": "", "phone": ""}
        self.client.add_user(user, self.colony_prvkey)

    def executor(self, name):
        """The key of a registered and approved executor."""
        prvkey, executorid = new_key()
        executor = {
            "executorname": name,
            "executorid": executorid,
            "colonyname": self.colonyname,
            "executortype": TYPE,
        }
        self.client.add_executor(executor, self.colony_prvkey)
        self.client.approve_executor(self.colonyname, name, self.colony_prvkey)
        return prvkey

    def submit(self, **more):
        conditions = Conditions(colonyname=self.colonyname, executortype=TYPE)
        spec = FuncSpec(**{"funcname": "helloworld", "conditions": conditions, **more})
        return self.client.submit_func_spec(spec, self.user_prvkey)
