"""Tables, raw numbers and the document of scripts/bench."""

import json
import statistics
import time

from bench_networks import ALL_NETWORK_ROWS
from bench_optimizers import OPTIMIZER_ROWS, element_count

MARKERS = {
    "small": ("<!-- bench:begin (written by scripts/bench) -->", "<!-- bench:end -->"),
    "optimizers": ("<!-- optimizers:begin (written by scripts/bench --rows optimizers) -->", "<!-- optimizers:end -->"),
    "networks": ("<!-- networks:begin (written by scripts/bench --rows networks) -->", "<!-- networks:end -->"),
}
TITLES = {
    "mlp": "MLP 784-128-10 training step, batch 32, Adam", "cnn": "CNN training step, batch 128, Adam",
    "tiny": "2-16-1 training step, batch 1, SGD", "epoch": "MNIST epoch from files, 784-128-10, batch 64, Adam",
    "add": "one-element add and `item()`",
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
    if row not in ALL_NETWORK_ROWS:
        return spread(seconds, duration)
    return spread([ALL_NETWORK_ROWS[row].batch / value for value in seconds], lambda rate: f"{rate:.3g}")


def title(row):
    if row in OPTIMIZER_ROWS:
        return f"{OPTIMIZER_ROWS[row]}, ms"
    return f"{ALL_NETWORK_ROWS[row].title}, images/s" if row in ALL_NETWORK_ROWS else TITLES[row]


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
    """Peak resident memory of each side's process, in brackets what it held before the row; ours beside PyTorch's, whole and
    net of what each held before."""
    names = columns(results, "memory")
    rows = []
    for row, result in results.items():
        memory = result.get("memory", {})
        cells = [f"{memory[name]['peak'] / 1e9:.2f} ({memory[name]['idle'] / 1e9:.2f})" if name in memory else "–"
                 for name in names]
        if "Martlet" in memory and "PyTorch" in memory:
            ours, theirs = memory["Martlet"], memory["PyTorch"]
            cells.append(f"{ours['peak'] / theirs['peak']:.2f}")
            cells.append(f"{(ours['peak'] - ours['idle']) / (theirs['peak'] - theirs['idle']):.2f}")
        else:
            cells += ["–", "–"]
        rows.append([ALL_NETWORK_ROWS[row].title, *cells])
    return grid(["peak memory, GB", *names, "ours / PyTorch", "ours / PyTorch, net of what each held before"], rows)


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


# What a kind of disturbance is called, of its measure's median and greatest.
DISTURBANCES = {
    "foreign": "others used {:.0%} of a core (at most {:.0%})",
    "stolen": "the hypervisor took {:.0%} of a core (at most {:.0%})",
    "slow": "the calibration loop took {:.2f} times its usual time (at most {:.2f})",
}


def disturbances(results):
    """A line for every row with runs that stayed disturbed: how many of how many, and how much by kind."""
    lines = []
    for row, result in results.items():
        if not result["disturbed"]:
            continue
        measures = {}
        for _worker, _repeat, kind, measure in result["disturbed"]:
            measures.setdefault(kind, []).append(measure)
        kinds = "; ".join(
            f"in {len(found)} " + DISTURBANCES[kind].format(statistics.median(found), max(found))
            for kind, found in measures.items())
        runs = sum(len(values) for values in result["seconds"].values())
        lines.append(f"- {row}, {len(result['disturbed'])} of {runs} runs: {kinds}")
    return lines


def left_out(results):
    """A line for every worker that a row left out since its first losses were others."""
    return [f"- {row}, {name}: {reason}" for row, result in results.items() for name, reason in result["left_out"].items()]


def section(results, machine, command):
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    repeats = max(len(values) for result in results.values() for values in result["seconds"].values())
    lines = [
        f"{machine['date']}, `{command}`, {repeats} repeats; {machine['processor']}; {machine['system']}; {versions}; "
        f"commit {machine['commit']}.",
        "", tables(results), "",
    ]
    if missing := left_out(results):
        lines += ["Left out of a row, since their first losses are not PyTorch's:", "", *missing, ""]
    if disturbed := disturbances(results):
        attempts = max(result["attempts"] for result in results.values())
        how = f"in all {attempts} attempts, of which the fastest is counted" if attempts > 1 else "(one attempt each)"
        lines += [f"Runs that stayed disturbed {how}:", "", *disturbed, ""]
    return "\n".join(lines)


def document_parts(path, group):
    """The page before the group's part, that part, and the page behind it."""
    begin, end = MARKERS[group]
    text = path.read_text()
    if begin not in text or end not in text:
        raise SystemExit(f"bench: {path} has no lines '{begin}' and '{end}' to write between")
    before, _, rest = text.partition(begin)
    part, _, after = rest.partition(end)
    return before + begin, part, end + after


def published_columns(part):
    """The workers that have a column in a published part's tables. A ratio is no worker's."""
    lines = part.splitlines()
    headers = [line for line, below in zip(lines, lines[1:]) if below.startswith("|---")]
    names = [name.strip() for line in headers for name in line.strip("|").split("|")[1:]]
    return [name for name in dict.fromkeys(names) if " / " not in name]


def shortcomings(part, whole, results):
    """What a run lacks of a published part: its rows, with a figure of ours, and its columns. A peer that is left out for its
    losses is not lacking."""
    found = {name for key in ("seconds", "memory", "left_out") for name in columns(results, key)}
    rows = [row for row in whole if "Martlet" not in results.get(row, {"seconds": {}})["seconds"]]
    names = [name for name in published_columns(part) if name not in found]
    kinds = {"row": rows, "column": names}
    return "; ".join(f"no {kind} {', '.join(absent)}" for kind, absent in kinds.items() if absent)


def publish(root, group, whole, results, machine, command, forced):
    """Replaces the group's part of docs/benchmarks.md, of which the rest is written by hand, unless this run has less than
    what stands there; gives a line that says what was done."""
    path = root / "docs" / "benchmarks.md"
    name = path.relative_to(root)
    if group not in MARKERS:
        return f"{name} was left alone: it has no table of {group}"
    before, part, after = document_parts(path, group)
    lacking = shortcomings(part, whole, results)
    if lacking and not forced:
        return f"{name} was left alone: this run of {group} has {lacking} (--rewrite writes it all the same)"
    path.write_text(f"{before}\n{section(results, machine, command)}{after}")
    return f"{name}: the part of {group} was rewritten"
