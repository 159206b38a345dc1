"""What an installation costs that nobody uses: CPU of gateway, worker and Redis at rest.

python -m bench.idle [--full] [--write]
"""

import time

from bench import report
from bench.scene import KINDS, scene
from bench.systems import pid_of_redis
from bench.usage import Meter, postmaster

SETTLE_S = 3


def main() -> None:
    chosen = report.options(__doc__)
    seconds = chosen.pick(8, 40)
    groups = ("gateway", "worker", "redis")
    table = report.Table(
        "Share of one core's time, and resident memory in MB, at rest",
        ("database", "all three", *groups, "PostgreSQL", *(f"{name} MB" for name in groups)),
    )
    for kind in KINDS:
        with scene(kind, log_level=chosen.log_level) as stage:
            installation = stage.installation
            installation.start()
            roots = {
                "gateway": [installation.gateways[0].pid],
                "worker": [installation.workers[0].pid],
                "redis": [pid_of_redis(installation)],
            }
            if stage.server is not None:
                roots["postgres"] = [postmaster(stage.server.url)]
            time.sleep(SETTLE_S)
            meter = Meter(roots)
            meter.start()
            time.sleep(seconds)
            shares = {name: cpu_s / seconds for name, cpu_s in meter.cpu_s().items()}
            peak = meter.peak_mb()
        table.add(
            kind,
            f"{sum(shares[name] for name in groups):.2%}",
            *(f"{shares[name]:.2%}" for name in groups),
            f"{shares['postgres']:.2%}" if "postgres" in shares else None,
            *(peak[name] for name in groups),
        )
    notes = f"Measured for {seconds:.0f} s, after {SETTLE_S} s at rest."
    report.show(chosen, "idle", [table], notes=notes, is_once=True)


if __name__ == "__main__":
    main()
