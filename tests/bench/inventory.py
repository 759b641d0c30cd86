"""How long a 1,000-node inventory takes to load and validate, beside one of 10 nodes in the same run."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median

from clustr.inventory.load import read

INVENTORY = """\
cluster: bench
network: {{cluster_cidr: 10.64.0.0/12}}
classes:
  h100: {{gpus: 8, model: H100-SXM, labels: {{tier: training}}}}
nodes:
  - {{name: 'cp[1-3]', address: '172.16.0.[1-3]', roles: [server]}}
{nodes}
"""


def inventory(count: int) -> str:
    """Every node written on its own line: the slowest form that people have."""
    lines = (
        f"  - {{name: gpu{n:04}, address: 172.16.{1 + n // 250}.{1 + n % 250}, roles: [agent], class: h100}}"
        for n in range(count - 3)
    )
    return INVENTORY.format(nodes="\n".join(lines))


def seconds(path: Path, runs: int = 5) -> float:
    taken = []
    for _ in range(runs):
        begun = time.perf_counter()
        read(path)
        taken.append(time.perf_counter() - begun)
    return median(taken)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = {}
        for count in (10, 100, 1000):
            path = Path(folder) / f"{count}.yaml"
            path.write_text(inventory(count))
            found[count] = seconds(path)
    print("inventory: load and validate, median of 5")
    for count, taken in found.items():
        per_node, ratio = taken / count * 1000, taken / found[10]
        print(f"  {count:5} nodes  {taken:7.3f} s  {per_node:6.2f} ms per node  x{ratio:.1f} of 10 nodes")
    print(f"  aim: 1,000 nodes under 1 s: {'met' if found[1000] < 1 else 'missed'}")


if __name__ == "__main__":
    main()
