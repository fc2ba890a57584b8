"""Execute notebooks, and save them with their outputs.

Run ``make notebooks`` (or ``python tools/run_notebooks.py docs/tutorials/*.ipynb``). Each runs in
an empty folder of its own. Prints the seconds that each took.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
import time
from pathlib import Path

import nbclient
import nbformat


def of_no_machine(text: str, ran_in: str) -> str:
    """Return what a cell printed without the folders of the machine that ran it.

    >>> of_no_machine("/tmp/ipykernel_12/34.py:1: UserWarning: that", "/tmp/x")
    'cell:1: UserWarning: that'
    """
    for folder in (ran_in, sys.prefix, str(Path.cwd()), tempfile.gettempdir()):
        text = re.sub(re.escape(folder) + r"/ipykernel_\d+/\d+\.py", "cell", text)
        text = text.replace(f"{folder}/", "")
    return text


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    # tqdm asks each notebook for widgets, which a saved page cannot show.
    os.environ["PYTHONWARNINGS"] = "ignore:IProgress not found"
    parser.add_argument("notebook", nargs="+", type=Path)
    for path in parser.parse_args().notebook:
        notebook = nbformat.read(path, as_version=4)
        started = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            nbclient.NotebookClient(
                notebook, timeout=900, resources={"metadata": {"path": folder}}
            ).execute()
        for number, cell in enumerate(notebook.cells):
            cell.metadata.pop("execution", None)  # times of day, which change with every run
            cell.id = f"cell-{number}"
            for output in cell.get("outputs", []):
                shown = output if output.output_type == "stream" else output.get("data", {})
                for kind in {"text", "text/plain"} & {*shown}:
                    shown[kind] = of_no_machine(shown[kind], folder)
        nbformat.write(notebook, path)
        print(f"{path}: {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
