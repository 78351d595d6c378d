"""Endless synthetic sequences: things with known outlines move over backgrounds.

Nothing here is of the paper: every number is ours, chosen so that the sequences look like tracking benchmarks'.

A thing is a flat cut-out (`Sprite`), moved in front of the camera as a plane that turns about all three axes, with a
perspective, and that may sway like a flag (`Layer`). Boxes are not measured in the pictures: the outline of the
cut-out is moved by the same map as its pixels, so that they are exact to a fraction of a pixel, and a sequence's
boxes are known without a picture being made.
"""

from rar_gluon.data.synthetic.cutouts import as_sources, load_cutouts, load_stills
from rar_gluon.data.synthetic.pictures import Lazy, load_backgrounds, makers, still_backgrounds
from rar_gluon.data.synthetic.tracks import SyntheticTracks

__all__ = [
    "Lazy",
    "SyntheticTracks",
    "as_sources",
    "load_backgrounds",
    "load_cutouts",
    "load_stills",
    "makers",
    "still_backgrounds",
]
