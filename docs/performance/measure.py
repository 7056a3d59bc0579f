"""Measures how cost grows: `python3 docs/performance/measure.py target/release/colonies [what ...]`.

Each point is one `colonies bench` on a server that it starts for itself. The points of one curve are measured in turn,
ROUNDS times, so that whatever else the machine does hits all of them. What came of it goes to docs/performance/NAME.json,
of which plot.py makes tables and pictures. DATADIR in the environment chooses the disk.
"""

import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
ROUNDS = int(os.environ.get("ROUNDS", "3"))
SECONDS = os.environ.get("SECONDS_EACH", "3")

# Name of the curve: the points, and what bench is told for each.
CURVES = {
    "depth": ([0, 1_000, 100_000, 1_000_000], lambda n: ["--scenario", "deep", "--depth", n]),
    "executors": ([1, 10, 100, 1_000], lambda n: ["--scenario", "herd", "--executors", n]),
    "colonies": ([1, 2, 10, 100], lambda n: ["--scenario", "colonies", "--colonies", n]),
    "history": ([0, 1_000, 10_000, 100_000], lambda n: ["--scenario", "past", "--past", n]),
    "graph": ([100, 1_000, 10_000, 50_000], lambda n: ["--scenario", "workflow", "--nodes", n]),
    "payload": ([16, 256, 4_096, 65_536, 262_144], lambda n: ["--scenario", "cycle", "--payload", n]),
}


def bench(binary, arguments):
    command = [binary, "bench", "--json", "--seconds", SECONDS, *map(str, arguments)]
    if "DATADIR" in os.environ:
        command += ["--datadir", os.environ["DATADIR"]]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def main():
    binary, *wanted = sys.argv[1:]
    for name in wanted or CURVES:
        points, arguments = CURVES[name]
        runs = {point: [] for point in points}
        for _ in range(ROUNDS):
            for point in points:
                runs[point].append(bench(binary, arguments(point)))
                last = runs[point][-1]
                print(f"{name} {point}: {last['per_second']:.0f} a second, p50 {last['p50_us']} µs", flush=True)
        curve = [{"at": point, "runs": runs[point]} for point in points]
        (HERE / f"{name}.json").write_text(json.dumps(curve, indent=1) + "\n")


if __name__ == "__main__":
    main()
