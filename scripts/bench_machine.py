"""What the machine is, and whether somebody else was using it while a run was timed."""

import os
import pathlib
import platform
import statistics
import subprocess
import time

TICKS = os.sysconf("SC_CLK_TCK")
# A run is disturbed when others had more than this share of one core, when the hypervisor stole more than this share,
# or when the calibration loop right before or right after took this much longer than it usually does on a quiet core.
FOREIGN_SHARE, STOLEN_SHARE, SLOWDOWN = 0.05, 0.02, 1.15
# Counters move in ticks of 10 ms, so short runs cannot be judged more closely than this.
TICK_SLACK = 2.0 / TICKS


def processor_seconds():
    """(busy, stolen) seconds of all cores since boot; busy leaves out what the hypervisor stole."""
    fields = [int(field) for field in pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    user, nice, system, _idle, _iowait, interrupts, soft_interrupts, stolen = fields
    return (user + nice + system + interrupts + soft_interrupts) / TICKS, stolen / TICKS


def process_seconds(identifier):
    """(parent, processor seconds) of a process, its threads and the children that it waited for; nothing where it is gone."""
    try:
        fields = pathlib.Path(f"/proc/{identifier}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    return int(fields[1]), sum(int(field) for field in fields[11:15]) / TICKS


def family_seconds(identifier):
    """Processor seconds of a process and all that stem from it: a loader's processes are their program's work."""
    found = {int(path.name): process_seconds(path.name) for path in pathlib.Path("/proc").glob("[0-9]*")}
    family, grown = {identifier}, 0
    while len(family) > grown:
        grown = len(family)
        family |= {child for child, known in found.items() if known and known[0] in family}
    return sum(found[member][1] for member in family if found.get(member))


def resident_bytes(identifier, kind):
    """A process' resident memory: `VmRSS` now, `VmHWM` at its peak."""
    for line in pathlib.Path(f"/proc/{identifier}/status").read_text().splitlines():
        if line.startswith(f"{kind}:"):
            return int(line.split()[1]) * 1024
    return 0


def calibration_loop():
    """Seconds of a fixed piece of work on one core, about 15 ms."""
    begin = time.perf_counter()
    total = 0
    for number in range(200_000):
        total += number & 3
    return time.perf_counter() - begin


def calibrate():
    """The loop's usual time on a quiet core: the quarter mark of many. The best of many is a moment of a higher clock, beside
    which a whole quiet hour looks disturbed."""
    return statistics.quantiles((calibration_loop() for _ in range(60)), n=4)[0]


def calibration_probe():
    """The loop's time now, of three in a row: a hiccup of one of them says nothing of a run of seconds."""
    return statistics.median(calibration_loop() for _ in range(3))


class Watch:
    """Tells whether a neighbour disturbed what ran between `begin` and `end`."""

    def __init__(self, workers, quiet_seconds):
        """`workers`: the processes that answer in turns. Of the one that runs whatever it starts counts as its own."""
        self.workers, self.quiet_seconds = workers, quiet_seconds

    def begin(self, worker):
        self.worker = worker
        self.first_loop = calibration_probe()
        self.started, self.before = time.perf_counter(), self._counters()

    def end(self):
        """Why a run does not count, as a kind and its measure, or nothing when it does."""
        wall, after = time.perf_counter() - self.started, self._counters()
        loop = max(self.first_loop, calibration_probe())
        foreign, stolen = (b - a for a, b in zip(self.before, after))
        if foreign > FOREIGN_SHARE * wall + TICK_SLACK:
            return "foreign", foreign / wall
        if stolen > STOLEN_SHARE * wall + TICK_SLACK:
            return "stolen", stolen / wall
        if loop > SLOWDOWN * self.quiet_seconds:
            return "slow", loop / self.quiet_seconds
        return None

    def _counters(self):
        busy, stolen = processor_seconds()
        idle = [os.getpid(), *(worker for worker in self.workers if worker != self.worker)]
        known = [process_seconds(identifier) for identifier in idle]
        return busy - family_seconds(self.worker) - sum(found[1] for found in known if found), stolen


def first_line(command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return "unknown"


def describe_machine(python, packages):
    """Processor, system and versions, as the document states them."""
    processor = "unknown"
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            processor = line.partition(":")[2].strip()
            break
    flags = pathlib.Path("/proc/cpuinfo").read_text()
    sets = [name for name in ("avx2", "avx512f", "avx512_bf16", "amx_tile") if f" {name} " in flags]
    versions = {name: first_line([python, "-c", f"import {name}; print({name}.__version__)"]) for name in packages}
    swift = first_line(["swift", "--version"]).removeprefix("Swift version ")
    return {
        "processor": f"{processor}, {os.cpu_count()} cores, {', '.join(sets) or 'baseline'}",
        "system": f"Linux {platform.release().partition('-')[0]}",
        "versions": {"Swift": swift, "Python": platform.python_version(), **versions},
        "commit": first_line(["git", "rev-parse", "--short", "HEAD"]),
        "date": time.strftime("%Y-%m-%d"),
    }
