"""Tables, raw numbers and the document of scripts/bench."""

import json
import statistics
import time

BEGIN, END = "<!-- bench:begin (written by scripts/bench) -->", "<!-- bench:end -->"
TITLES = {
    "mlp": "MLP 784-128-10 training step, batch 32, Adam", "cnn": "CNN training step, batch 128, Adam",
    "tiny": "2-16-1 training step, batch 1, SGD", "add": "one-element add and `item()`",
}
PREAMBLE = """# Benchmarks

What each row does, and the rules for a fair run, stand at the top of `scripts/bench_peers.py`. A cell is the median over
the repeats of the time of a step, with the fastest and the slowest repeat; a ratio is the peer's time over ours, taken pair
by pair between neighbouring runs, so above 1 means that Martlet is faster.

"""


def duration(seconds):
    for unit, scale in (("s", 1), ("ms", 1e3), ("µs", 1e6)):
        if seconds * scale >= 1:
            return f"{seconds * scale:.3g} {unit}" if seconds * scale < 1000 else f"{seconds * scale:,.0f} {unit}"
    return f"{seconds * 1e9:.0f} ns"


def spread(values, form):
    middle, low, high = (form(function(values)) for function in (statistics.median, min, max))
    return f"{middle} ({low} – {high})"


def markdown_table(results):
    names = list(dict.fromkeys(name for result in results.values() for name in result["seconds"]))
    peers = [name for name in names if name != "Martlet"] if "Martlet" in names else []
    header = ["row", *names, *(f"{peer} / ours" for peer in peers)]
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    for row, result in results.items():
        seconds = result["seconds"]
        cells = [spread(seconds[name], duration) if name in seconds else "–" for name in names]
        for peer in peers:
            if peer in seconds and "Martlet" in seconds:
                ratios = [theirs / ours for theirs, ours in zip(seconds[peer], seconds["Martlet"])]
                cells.append(spread(ratios, lambda ratio: f"{ratio:.2f}"))
            else:
                cells.append("–")
        lines.append("| " + " | ".join([TITLES[row], *cells]) + " |")
    return "\n".join(lines)


def save_raw(root, results, machine, command):
    """Every repeat's seconds, into bench-results/, a folder that keeps itself out of git."""
    folder = root / "bench-results"
    folder.mkdir(exist_ok=True)
    (folder / ".gitignore").write_text("*\n")
    path = folder / time.strftime("%Y%m%d-%H%M%S.json")
    path.write_text(json.dumps({"command": command, "machine": machine, "rows": results}, indent=1) + "\n")
    return path


def section(results, machine, command):
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    repeats = max(len(values) for result in results.values() for values in result["seconds"].values())
    lines = [
        f"{machine['date']}, `{command}`, {repeats} repeats; {machine['processor']}; {machine['system']}; {versions}; "
        f"commit {machine['commit']}.",
        "", markdown_table(results), "",
    ]
    disturbed = [note for result in results.values() for note in result["disturbed"]]
    if disturbed:
        lines += ["Repeats that stayed disturbed after several attempts (the best attempt is counted):", ""]
        lines += [f"- {note}" for note in disturbed] + [""]
    return "\n".join(lines)


def write_document(root, results, machine, command):
    """Replaces what stands between the markers of docs/benchmarks.md; the rest of the page is written by hand."""
    path = root / "docs" / "benchmarks.md"
    text = path.read_text() if path.exists() else f"{PREAMBLE}{BEGIN}\n{END}\n"
    if BEGIN not in text or END not in text:
        raise SystemExit(f"bench: {path} has no lines '{BEGIN}' and '{END}' to write between")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    path.write_text(f"{before}{BEGIN}\n{section(results, machine, command)}{END}{after}")
    return path
