"""Pictures of what the network sees: `rar show`."""

from __future__ import annotations

import argparse

from rar_gluon import config as configuration
from rar_gluon.cli.options import WEIGHTS_FILE, add_command, add_group, network_arguments, parse_box, path


def add_show(commands) -> None:
    """Add `rar show`."""
    example = "rar show attention video.mp4 --init 214,120,60,80 --output maps.png"
    pictures = add_group(commands, "show", "pictures", "draw what the network sees", example)
    attention = add_command(pictures, "attention", attention_command, "maps and response", example)
    attention.add_argument("source", metavar="VIDEO", help="folder of images or video file")
    attention.add_argument("--init", required=True, metavar="x,y,w,h", help="the target in the first frame")
    attention.add_argument("--output", required=True, type=path, metavar="FILE", help="picture to write (.png, .pdf)")
    attention.add_argument("--frame", type=int, default=10, metavar="N", help="the frame that is drawn; default: 10")
    network_arguments(attention, WEIGHTS_FILE)


def attention_command(arguments: argparse.Namespace) -> int:
    """Track to a frame; draw its search window, the levels' features and attention, and the response (Fig. 1, 2, 4)."""
    from rar_gluon.evaluation.trackers import build_tracker
    from rar_gluon.report.attention import draw_attention

    box, config = parse_box(arguments.init), configuration.load(arguments.config)
    tracker = build_tracker(config, arguments.weights, arguments.pretrained, arguments.device, "mxnet")
    draw_attention(tracker, arguments.source, box, arguments.output, arguments.frame)
    return 0
