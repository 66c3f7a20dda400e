"""Score texts in a process of its own, with the code that the model contains: `python -P worker.py <model>`.

In: on standard input, one list of texts as JSON per line. Out: on standard output, the line `ready`, then for each list
one line: the columns of the answers as JSON. Imports nothing of this project, which could differ from the model's code.
"""

import json
import os
import signal
import sys

READY = "ready"
COLUMNS = ("negative_probability", "sentiment", "uncertain")


def main(folder: str) -> None:
    """Load a model, and answer until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the parent ends this one
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is no answer
    import mlflow.pyfunc
    import pandas as pd

    model = mlflow.pyfunc.load_model(folder, suppress_warnings=True)
    print(READY, file=answers, flush=True)
    for line in sys.stdin:
        table = pd.DataFrame(model.predict(json.loads(line)))
        print(json.dumps({name: table[name].tolist() for name in COLUMNS}), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
