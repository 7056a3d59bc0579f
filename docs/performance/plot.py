"""Makes pictures (SVG) and tables (Markdown, printed) of what measure.py wrote: `python3 docs/performance/plot.py`."""

import json
import math
import pathlib
import statistics

HERE = pathlib.Path(__file__).parent

# Name of the curve: what grows, and the figures that are shown of it: their key in the JSON, their name, and whether the
# first of them is drawn.
CURVES = {
    "depth": ("waiting processes", [("per_second", "cycles a second"), ("p50_us", "p50, µs"), ("server_cpu_us", "server CPU a cycle, µs")]),
    "executors": ("waiting executors", [("p50_us", "hand-over p50, µs"), ("p99_us", "p99, µs"), ("server_cpu_us", "server CPU a hand-over, µs")]),
    "colonies": ("colonies at once", [("per_second", "cycles a second"), ("p50_us", "p50, µs"), ("server_cpu_us", "server CPU a cycle, µs")]),
    "history": ("processes in the past", [("per_second", "cycles a second"), ("p50_us", "p50, µs"), ("server_cpu_us", "server CPU a cycle, µs")]),
    "graph": ("nodes of a workflow", [("nodes_per_second", "nodes drained a second"), ("ratio_to_singles", "of the rate of single processes"), ("submitted_in_ms", "submitted in, ms")]),
    "payload": ("bytes of the argument", [("per_second", "cycles a second"), ("p50_us", "p50, µs"), ("server_cpu_us", "server CPU a cycle, µs")]),
}

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 300, 70, 20, 40, 50


def short(number):
    """A number as people read it."""
    if number >= 1e6 and number % 1e5 == 0:
        return f"{number / 1e6:g} M"
    if number < 10 and number != int(number):
        return f"{number:.2f}"
    return f"{number:,.0f}"


def nice_top(highest):
    """The end of an axis: the next round number."""
    power = 10 ** math.floor(math.log10(max(highest, 1e-9)))
    return next(step * power for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step * power >= highest)


def svg(title, what, points):
    """A curve over a logarithmic axis; each point with the span of its runs. 0 stands one decade left of the rest."""
    positive = [at for at, *_ in points if at > 0]
    place = {at: math.log10(at) if at > 0 else math.log10(min(positive)) - 1 for at, *_ in points}
    low, high = min(place.values()), max(place.values())
    top = nice_top(max(span[1] for _, _, span in points) * 1.05)
    x = lambda at: LEFT + (place[at] - low) / (high - low) * (WIDTH - LEFT - RIGHT)
    y = lambda value: HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="{LEFT}" y="22" font-size="14">{title}</text>',
        f'<text x="{(WIDTH + LEFT) / 2}" y="{HEIGHT - 10}" text-anchor="middle">{what}</text>',
    ]
    for part in range(5):
        value = top * part / 4
        out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}" stroke="#ddd"/>')
        out.append(f'<text x="{LEFT - 8}" y="{y(value) + 4:.1f}" text-anchor="end">{short(value)}</text>')
    for at, _, (least, most) in points:
        out.append(f'<text x="{x(at):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{short(at)}</text>')
        out.append(f'<line x1="{x(at):.1f}" x2="{x(at):.1f}" y1="{y(least):.1f}" y2="{y(most):.1f}" stroke="#8ab"/>')
    line = " ".join(f"{x(at):.1f},{y(value):.1f}" for at, value, _ in points)
    out.append(f'<polyline points="{line}" fill="none" stroke="#246" stroke-width="2"/>')
    out += [f'<circle cx="{x(at):.1f}" cy="{y(value):.1f}" r="3.5" fill="#246"/>' for at, value, _ in points]
    return "\n".join([*out, "</svg>", ""])


def main():
    for name, (what, figures) in CURVES.items():
        file = HERE / f"{name}.json"
        if not file.exists():
            continue
        curve = json.loads(file.read_text())
        values = lambda point, key: [run[key] for run in point["runs"] if run.get(key) is not None]
        figures = [(key, called) for key, called in figures if values(curve[0], key)]
        drawn = figures[0][0]
        # Of a noisy machine the processor time says more than the clock.
        compared = [key for key, _ in figures if key in (drawn, "server_cpu_us")]
        named = [called.removesuffix(", µs") for key, called in figures if key in compared]
        heads = [called for _, called in figures] + [f"{called} beside the first row" for called in named]
        print(f"\n| {what} | " + " | ".join(heads) + " |")
        print("| --- " * (len(heads) + 1) + "|")
        for point in curve:
            cells = [short(statistics.median(values(point, key))) for key, _ in figures]
            for key in compared:
                pairs = zip(values(point, key), values(curve[0], key))
                cells.append(f"{statistics.median(one / first for one, first in pairs):.2f}")
            print(f"| {short(point['at'])} | " + " | ".join(cells) + " |")
        points = []
        for point in curve:
            seen = values(point, drawn)
            points.append((point["at"], statistics.median(seen), (min(seen), max(seen))))
        runs = len(curve[0]["runs"])
        title = f"{figures[0][1]} (median and span of {runs} runs)"
        (HERE / f"{name}.svg").write_text(svg(title, what, points))


if __name__ == "__main__":
    main()
