"""Writes the demo's ablation, trained with many seeds, as a table for tests/test_demo_claims.py:

boneage-search ablate --preset demo --seeds 30 --seed 500 --run-dir RUN
PYTHONPATH=. python tests/record_demo.py RUN > tests/demo_ablation.csv
"""

import json
import sys
from pathlib import Path

from search.machine.devices import cpu_name
from search.run import open_run, settings_in_full
from search.storage.opening import open_storage
from search.storage.records import load, trials_now
from studies import ablation

HEADINGS = "variant,seed,validation_mae,train_mae_last"


def main(folder: Path) -> None:
    run = open_run(folder, None, {}, None, None)
    study = load(open_storage(run.storage), ablation.NAME, folder)
    assert study is not None
    about = {"settings": settings_in_full(run.preset), "processor": cpu_name()}
    print(f"# {json.dumps(about)}")
    print(HEADINGS)
    for trial in trials_now(run, ablation.NAME, study):
        if trial.state == "complete":
            print(f"{trial.point['variant']},{trial.seed},{trial.validation_mae:.4f},{trial.train_mae[-1]:.4f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
