#!/usr/bin/env python3
"""Moves a colony from one server to another: who is in it, and what it starts by itself.

    packaging/migrate.py --from http://old:50080 --to http://new:50080

Reads COLONIES_COLONY_NAME and the keys in COLONIES_SERVER_PRVKEY, COLONIES_COLONY_PRVKEY and COLONIES_PRVKEY, which are
the same on both servers afterwards. Uses the command `colonies` of this project for both sides; what is on the new
server already stays as it is. docs/migrate.md has the whole way.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
from urllib.parse import urlsplit

APPROVED, REJECTED = 1, 2


class Server:
    def __init__(self, binary, url):
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            sys.exit(f"migrate.py: {url} is no address of a server, as http://host:50080 is")
        self.binary = binary
        self.environment = dict(os.environ)
        self.environment.pop("COLONIES_SERVER_HTTP_PORT", None)
        self.environment["COLONIES_SERVER_HOST"] = parts.hostname
        self.environment["COLONIES_SERVER_PORT"] = str(parts.port or 50080)
        self.environment["COLONIES_TLS"] = "true" if parts.scheme == "https" else "false"

    def run(self, *arguments):
        return subprocess.run([self.binary, *arguments, "--json"], env=self.environment, capture_output=True, text=True)

    def ask(self, *arguments):
        done = self.run(*arguments)
        if done.returncode != 0:
            sys.exit(f"migrate.py: {' '.join(arguments)}: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def add(self, what, name, *arguments):
        """Adds something; what is there already stays."""
        done = self.run(*arguments)
        if done.returncode == 0:
            print(f"added    {what} {name}")
        elif "already exists" in done.stderr:
            print(f"is there {what} {name}")
        else:
            sys.exit(f"migrate.py: {what} {name}: {done.stderr.strip()}")

    def add_from_file(self, what, name, record, *arguments):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(record, file)
            file.flush()
            self.add(what, name, *arguments, "--spec", file.name)


def move(old, new, colony):
    ids = {found["name"]: found["colonyid"] for found in old.ask("colony", "ls")}
    if colony not in ids:
        sys.exit(f"migrate.py: there is no colony {colony} on the old server")
    new.add("colony", colony, "colony", "add", "--name", colony, "--colonyid", ids[colony])
    for user in old.ask("user", "ls"):
        new.add("user", user["name"], "user", "add", "--name", user["name"], "--userid", user["userid"],
                "--email", user.get("email", ""), "--phone", user.get("phone", ""))
    for location in old.ask("location", "ls"):
        new.add("location", location["name"], "location", "add", "--name", location["name"], "--desc",
                location["description"], f"--long={location['long']}", f"--lat={location['lat']}")
    for executor in old.ask("executor", "ls"):
        approve = ["--approve"] if executor["state"] == APPROVED else []
        new.add_from_file("executor", executor["executorname"], executor, "executor", "add", "--executorid",
                          executor["executorid"], *approve)
        if executor["state"] == REJECTED:
            new.ask("executor", "reject", "--name", executor["executorname"])
    for definition in old.ask("blueprint", "definition", "ls"):
        new.add_from_file("blueprint definition", definition["metadata"]["name"], definition,
                          "blueprint", "definition", "add")
    for blueprint in old.ask("blueprint", "ls"):
        new.add_from_file("blueprint", blueprint["metadata"]["name"], blueprint, "blueprint", "add")
    # Blueprints bring the crons that reconcile them.
    there = {cron["name"] for cron in new.ask("cron", "ls", "--count", "1000")}
    for cron in old.ask("cron", "ls", "--count", "1000"):
        if cron["name"] in there:
            print(f"is there cron {cron['name']}")
            continue
        flags = [flag for flag, given in (("--random", cron["random"]),
                                          ("--waitprevious", cron["waitforprevprocessgraph"])) if given]
        new.add_from_file("cron", cron["name"], json.loads(cron["workflowspec"]), "cron", "add", "--name",
                          cron["name"], "--cron", cron["cronexpression"], f"--interval={cron['interval']}", *flags)
    for generator in old.ask("generator", "ls", "--count", "100"):
        new.add_from_file("generator", generator["name"], json.loads(generator["workflowspec"]), "generator", "add",
                          "--name", generator["name"], f"--trigger={generator['trigger']}",
                          f"--timeout={generator['timeout']}")
    left = {word: len(old.ask("process", command)) for word, command in (("waiting", "psw"), ("running", "ps"))}
    if any(left.values()):
        print(f"On the old server at least {left['waiting']} processes wait and {left['running']} run: they stay there.")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="old", required=True, metavar="URL", help="the server that is left")
    parser.add_argument("--to", dest="new", required=True, metavar="URL", help="the server that is moved to")
    parser.add_argument("--colonies", default="colonies", metavar="FILE", help="the command line; colonies unless given")
    arguments = parser.parse_args()
    colony = os.environ.get("COLONIES_COLONY_NAME")
    if not colony:
        sys.exit("migrate.py: COLONIES_COLONY_NAME is not set: export it with the name of the colony to move")
    move(Server(arguments.colonies, arguments.old), Server(arguments.colonies, arguments.new), colony)


if __name__ == "__main__":
    main()
