"""Tables, raw numbers and the document of scripts/bench."""

import json
import statistics
import time

from bench_networks import NETWORK_ROWS
from bench_optimizers import OPTIMIZER_ROWS, element_count

MARKERS = {
    "small": ("<!-- bench:begin (written by scripts/bench) -->", "<!-- bench:end -->"),
    "optimizers": ("<!-- optimizers:begin (written by scripts/bench --rows optimizers) -->", "<!-- optimizers:end -->"),
    "networks": ("<!-- networks:begin (written by scripts/bench --rows networks) -->", "<!-- networks:end -->"),
}
TITLES = {
    "mlp": "MLP 784-128-10 training step, batch 32, Adam", "cnn": "CNN training step, batch 128, Adam",
    "tiny": "2-16-1 training step, batch 1, SGD", "epoch": "MNIST epoch from files, 784-128-10, batch 64, Adam", "add": "one-element add and `item()`",
}
# Peers that run a fixed plan are held against our compiled step where there is one, the others against the plain loop.
COMPILED_PEERS = ("PyTorch compile", "ONNX Runtime", "JAX jit")


def duration(seconds):
    for unit, scale in (("s", 1), ("ms", 1e3), ("µs", 1e6)):
        if seconds * scale >= 1:
            return f"{seconds * scale:.3g} {unit}" if seconds * scale < 1000 else f"{seconds * scale:,.0f} {unit}"
    return f"{seconds * 1e9:.0f} ns"


def spread(values, form):
    middle, low, high = (form(function(values)) for function in (statistics.median, min, max))
    return f"{middle} ({low} – {high})"


def cell(row, seconds):
    """The time of a step; for a network its images a second, for an optimizer milliseconds for ten million parameters."""
    if row in OPTIMIZER_ROWS:
        scale = 1e3 * 1e7 / element_count(row)
        return spread([scale * value for value in seconds], lambda time: f"{time:.3g}")
    if row not in NETWORK_ROWS:
        return spread(seconds, duration)
    return spread([NETWORK_ROWS[row].batch / value for value in seconds], lambda rate: f"{rate:.3g}")


def title(row):
    if row in OPTIMIZER_ROWS:
        return f"{OPTIMIZER_ROWS[row]}, ms"
    return f"{NETWORK_ROWS[row].title}, images/s" if row in NETWORK_ROWS else TITLES[row]


def grid(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines).replace("| --- ", "|---").replace("---| ", "---|")


def columns(results, key):
    return list(dict.fromkeys(name for result in results.values() for name in result.get(key, {})))


def markdown_table(results):
    names = columns(results, "seconds")
    peers = [name for name in names if not name.startswith("Martlet")] if "Martlet" in names else []
    rows = []
    for row, result in results.items():
        seconds = result["seconds"]
        cells = [cell(row, seconds[name]) if name in seconds else "–" for name in names]
        for peer in peers:
            compiled = peer in COMPILED_PEERS and "Martlet compile" in seconds
            ours = "Martlet compile" if compiled else "Martlet"
            if peer in seconds and ours in seconds:
                ratios = [theirs / own for theirs, own in zip(seconds[peer], seconds[ours])]
                cells.append(spread(ratios, lambda ratio: f"{ratio:.2f}"))
            else:
                cells.append("–")
        rows.append([title(row), *cells])
    return grid(["row", *names, *(f"{peer} / ours" for peer in peers)], rows)


def memory_table(results):
    """Peak resident memory of each side's process, and in brackets what it held before the row."""
    names = columns(results, "memory")
    rows = []
    for row, result in results.items():
        memory = result.get("memory", {})
        cells = [f"{memory[name]['peak'] / 1e9:.2f} ({memory[name]['idle'] / 1e9:.2f})" if name in memory else "–"
                 for name in names]
        both = "Martlet" in memory and "PyTorch" in memory
        cells.append(f"{memory['Martlet']['peak'] / memory['PyTorch']['peak']:.2f}" if both else "–")
        rows.append([NETWORK_ROWS[row].title, *cells])
    return grid(["peak memory, GB", *names, "ours / PyTorch"], rows)


def tables(results):
    """Times, and memory where it was taken."""
    remembered = {row: result for row, result in results.items() if "memory" in result}
    return "\n\n".join([markdown_table(results), *([memory_table(remembered)] if remembered else [])])


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
        "", tables(results), "",
    ]
    disturbed = [note for result in results.values() for note in result["disturbed"]]
    if disturbed:
        lines += ["Repeats that stayed disturbed after several attempts (the best attempt is counted):", ""]
        lines += [f"- {note}" for note in disturbed] + [""]
    return "\n".join(lines)


def write_document(root, group, results, machine, command):
    """Replaces what stands between the group's markers in docs/benchmarks.md; the rest of the page is written by hand."""
    path = root / "docs" / "benchmarks.md"
    begin, end = MARKERS[group]
    text = path.read_text()
    if begin not in text or end not in text:
        raise SystemExit(f"bench: {path} has no lines '{begin}' and '{end}' to write between")
    before, _, rest = text.partition(begin)
    after = rest.partition(end)[2]
    path.write_text(f"{before}{begin}\n{section(results, machine, command)}{end}{after}")
    return path
