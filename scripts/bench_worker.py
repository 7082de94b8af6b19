"""What the peers' workers for scripts/bench share: the protocol, and how a row is run. The rules are in bench_peers.py."""

import json
import sys
import time

from bench_networks import NETWORK_ROWS
from bench_optimizers import OPTIMIZER_ROWS

RECORDED, WARM = 5, 20
EPOCH_ROW, EPOCH_RECORDED = "epoch", 1
NETWORK_RECORDED, NETWORK_WARM = 3, 2


def begun(step, row):
    """The first losses of a step that has just been made; afterwards it is warm."""
    if row == EPOCH_ROW:
        return [step().item() for _ in range(EPOCH_RECORDED)]
    network = row in NETWORK_ROWS or row in OPTIMIZER_ROWS
    losses = [step().item() for _ in range(NETWORK_RECORDED if network else RECORDED)]
    for _ in range(NETWORK_WARM if network else WARM):
        value = step()
    value.item()
    return losses


def timed(step, steps, reads_each=False):
    begin = time.perf_counter()
    for _ in range(steps):
        value = step()
        if reads_each:
            value.item()
    value.item()
    return time.perf_counter() - begin


def serve(make_step, rows):
    """Answers requests until the input ends. `make_step(row)` gives a function that takes a step; that of a network's row
    is kept until another row is asked for."""
    kept, step, losses = None, None, None
    for line in sys.stdin:
        words = line.split()
        if len(words) == 3 and words[0] == "run" and words[1] not in rows:
            answer = {"row": words[1], "error": "this peer has no such row"}
        elif len(words) != 3 or words[0] != "run" or not words[2].isdigit() or words[2] == "0":
            answer = {"row": words[1] if len(words) > 1 else "", "error": f"expected 'run ROW STEPS', got {line.strip()!r}"}
        else:
            row, steps = words[1], int(words[2])
            if kept is None or row != kept:
                # The old network goes before the new one comes.
                kept, step = None, None
                try:
                    step = make_step(row)
                except NotImplementedError as error:
                    print(json.dumps({"row": row, "error": str(error)}), flush=True)
                    continue
                losses = begun(step, row)
                kept = row if row in NETWORK_ROWS or row in OPTIMIZER_ROWS else None
            answer = {"row": row, "steps": steps, "seconds": timed(step, steps, row in OPTIMIZER_ROWS), "losses": losses}
        print(json.dumps(answer), flush=True)
