"""Look-ups of measured products: all at once against one by one.

    python benchmarks/silicon.py [COUNT]

Prints look-ups per second of processor time, of arrays and of terms, and the ratio to asking for each term alone.
"""

from __future__ import annotations

import sys
import time

import numpy as np
from versim import Device, Gemm
from versim_silicon import store
from versim_silicon.compute import MeasuredCompute
from versim_silicon.gpus import GPUS
from versim_silicon.products import Products

ALONE = 500


def main(count: int) -> None:
    """Random shapes between 64 and 16,000 in every direction, on H100."""
    draw = np.random.default_rng(1)
    m, n, k = (np.exp(draw.uniform(np.log(64), np.log(16000), count)) for _ in range(3))
    products = Products.of(GPUS["h100_sxm"], "bf16", store.tables_of("h100_sxm"))
    if products is None:
        raise SystemExit("no products of H100 are bundled")
    products.times_s(m[:10], n[:10], k[:10])
    start = time.process_time()
    products.times_s(m, n, k)
    arrays = count / (time.process_time() - start)

    shapes = zip(m.tolist(), k.tolist(), n.tolist(), strict=True)
    terms = [Gemm(*shape, element_bytes=2, dtype="bf16") for shape in shapes]
    timing, device = MeasuredCompute("trtllm"), Device(name="H100")
    timing.times_s(terms[:10], device)
    start = time.process_time()
    timing.times_s(terms, device)
    together = count / (time.process_time() - start)
    start = time.process_time()
    for term in terms[:ALONE]:
        timing.times_s([term], device)
    alone = ALONE / (time.process_time() - start)

    print(f"arrays: {arrays:,.0f} look-ups per second")
    print(f"terms together: {together:,.0f} per second, {together / alone:,.0f} times as many as one by one")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
