"""Make docs/members.gif: the twin's truth, and a member with and without persistent noise.

Run ``python tools/members_video.py docs/members.gif``; it takes two minutes.
"""

from __future__ import annotations

import argparse
import io

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

import xldm
from xldm.twin import both_sides

HOURS, START = 24, "2008-04-10T00"
REGION = (9.5, 43.5, 13.5, 47.5)  # northern Italy


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out")
    args = parser.parse_args()
    era5, fine = both_sides(np.datetime64(START, "h") + np.arange(HOURS))
    how = {"correlation=0": 0.0, "as the package says": 1.0}
    drawn = {
        title: xldm.downscale(
            era5,
            "italy-2km",
            targets="u10",
            members=None,
            correlation=c,
            region=REGION,
            progress=False,
        )["u10"]
        for title, c in how.items()
    }
    first = next(iter(drawn.values()))
    panels = {"truth of the twin": fine["u10"].sel(y=first["y"], x=first["x"])} | drawn
    panels = {title: field.load() for title, field in panels.items()}
    frames = []
    for hour in range(HOURS):
        figure, axes = plt.subplots(1, 3, figsize=(9, 3.6), layout="constrained")
        for axis, (title, field) in zip(axes, panels.items(), strict=True):
            shown = axis.imshow(field[hour].values, vmin=-8, vmax=8, cmap="RdBu_r")
            axis.set_title(title, fontsize=9)
            axis.set_axis_off()
        figure.colorbar(shown, ax=axes, shrink=0.8, label="eastward wind at 10 m [m/s]")
        figure.suptitle(np.datetime_as_string(first["time"].values[hour], unit="h"), fontsize=9)
        content = io.BytesIO()
        figure.savefig(content, dpi=75)
        plt.close(figure)
        frames.append(Image.open(content).convert("P", palette=Image.Palette.ADAPTIVE, colors=64))
    frames[0].save(
        args.out, save_all=True, append_images=frames[1:], duration=250, loop=0, optimize=True
    )


if __name__ == "__main__":
    main()
