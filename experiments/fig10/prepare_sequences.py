"""Lay any folder of sequences out as the VOT toolkit reads it: `prepare_sequences.py FOLDER WORKSPACE/sequences`.

FOLDER is what `rar_gluon.data.folder` reads: a folder of images or a video for each sequence, with its boxes.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

import cv2

from rar_gluon.common import InputError, write_text
from rar_gluon.data import folder
from rar_gluon.data.frames import ImageFolder
from rar_gluon.data.sequence import Sequence, write_boxes
from rar_gluon.evaluation.vot.run import truth_regions


def write_frames(sequence: Sequence, target: Path) -> str:
    """Copy JPEG or PNG files, or write the frames of anything else as PNG; returns their suffix."""
    paths = sequence.frames.paths if isinstance(sequence.frames, ImageFolder) else []
    suffixes = {path.suffix for path in paths}
    target.mkdir(parents=True, exist_ok=True)
    if suffixes in ({".jpg"}, {".png"}):
        suffix = suffixes.pop()
        for number, path in enumerate(paths, start=1):
            shutil.copyfile(path, target / f"{number:08d}{suffix}")
        return suffix
    for number, (frame, _) in enumerate(zip(sequence.frames, sequence.boxes), start=1):
        cv2.imwrite(str(target / f"{number:08d}.png"), frame)
    return ".png"


def write_sequence(sequence: Sequence, target: Path) -> None:
    """Write one sequence; its metadata comes last and marks it as complete."""
    truth_regions(sequence)  # refuses a frame without one
    boxes = sequence.pixel_boxes
    suffix = write_frames(sequence, target / "color")
    write_boxes(target / "groundtruth.txt", boxes)
    channel = f"channel.default=color\nchannels.color=color/%08d{suffix}\n"
    write_text(target / "sequence", f"{channel}fps={round(sequence.frames.fps)}\nname={sequence.name}\n")


def main() -> int:
    """Run the script; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path, metavar="FOLDER")
    parser.add_argument("target", type=Path, metavar="SEQUENCES")
    parser.add_argument("--names", nargs="+", help="default: all of FOLDER")
    parser.add_argument("--origin", type=int, default=0, help="first pixel in the boxes: 0 (default), or 1 as in OTB")
    arguments = parser.parse_args()
    try:
        names = arguments.names or folder.sequence_names(arguments.source)
        for name in names:
            if not (arguments.target / name / "sequence").is_file():
                sequence = folder.load_sequence(arguments.source, name, arguments.origin)
                write_sequence(sequence, arguments.target / name)
            print(name)
        write_text(arguments.target / "list.txt", "\n".join(names) + "\n")
    except InputError as error:
        print(f"prepare_sequences: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
