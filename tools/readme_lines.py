"""Run the README's first Python lines with the xldm that is installed, outside the checkout.

    .venv-lowest/bin/python tools/readme_lines.py

They run on one of the sample's hours, since an hour shows as much as 24 do.
"""

import os
import re
import sys
import tempfile
from pathlib import Path

import xldm

CHECKOUT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Run the lines in an empty folder; return 0."""
    if CHECKOUT in Path(xldm.__file__).parents and ".venv" not in xldm.__file__:
        print(f"{xldm.__file__} is the checkout; run this where a wheel is installed")
        return 1
    text = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    (lines, *_) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    lines, hours = re.subn(r"\.to_dask\(\)", ".to_dask().isel(time=[0])", lines)
    assert hours == 1, "the README's lines open the sample with .to_dask() no longer"
    os.environ.setdefault("MPLBACKEND", "agg")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        exec(compile(lines, "README.md", "exec"), {"__name__": "__main__"})
        made = sorted(path.name for path in Path(folder).iterdir())
        os.chdir(CHECKOUT)
    print(
        f"xldm {xldm.__version__} of {Path(xldm.__file__).parent}: the README's lines made {made}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
