"""Write outcomes.json anew: `python tests/fuzz/fix_outcomes.py`, after a change that is meant."""

import json
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

if __name__ == "__main__":
    if not (HERE / "outcomes.json").exists():
        (HERE / "outcomes.json").write_text("{}")
    import targets
    import test_short

    found = {name: test_short.outcomes_of(targets, name) for name in test_short.FIXED}
    (HERE / "outcomes.json").write_text(json.dumps(found, indent=1) + "\n")
