"""What a training is judged by after each epoch: the response's error on fixed clips, AUC and DP on short sequences."""

from __future__ import annotations

from typing import Callable, Dict, List
from typing import Sequence as ListOf

from rar_gluon.common import InputError
from rar_gluon.config import Config
from rar_gluon.data.clips import Clips, Stored, stack_clips
from rar_gluon.data.prepare import MIN_SIDE, MIN_VISIBLE, cut_region, visible
from rar_gluon.data.sequence import Sequence, shortened
from rar_gluon.evaluation.sequences import headline, protocol_of, track_and_score
from rar_gluon.net.rar import RAR
from rar_gluon.tracking.tracker import Tracker
from rar_gluon.training.step import loss, representation_cells, responses, to_batch

CLIPS = 64  # of the mean response error
EVERY = 5  # frames between the pictures that they are cut from
SEED = 1  # of their sampling


def make_validation(config: Config, sequences: ListOf[Sequence], frames: int) -> Callable[[RAR], Dict[str, float]]:
    """Make the function that judges a network on the first `frames` frames of held-out sequences.

    It returns `loss`, Eq. 12's mean over `CLIPS` clips of them, cut as in training, and `auc` and `dp` of tracking them
    (`protocol_of` them: "folder", unless they are OTB's).

    Raises
    ------
    InputError
        Too few frames, or no target in two pictures of them.
    """
    if frames <= EVERY:
        raise InputError(f"--validation-frames is {frames}, but more than {EVERY} are needed.")
    sequences = [shortened(sequence, frames) for sequence in sequences]
    pictures = pictures_of(sequences, config)
    if not len(pictures):
        raise InputError(f"no held-out sequence shows its target twice in its first {frames} frames: give others.")
    clips = Clips([(pictures, 1.0)], config, SEED)
    stacked = [stack_clips([clips[number] for number in range(first, first + 16)]) for first in range(0, CLIPS, 16)]
    protocol = protocol_of(sequences)

    def validate(net: RAR) -> Dict[str, float]:
        ctx = net.ctx
        cells = representation_cells(net, config)
        errors: List[float] = []
        for part in stacked:
            batch = to_batch(part, cells, config, ctx)
            errors += loss(responses(net, batch, config), batch.desired).asnumpy().tolist()
        scores = track_and_score(Tracker(config, net, ctx), sequences, protocol)
        return {"loss": sum(errors) / len(errors), **headline(list(scores.values()))}

    return validate


def pictures_of(sequences: ListOf[Sequence], config: Config) -> Stored:
    """Every `EVERY`-th annotated frame of each sequence, cut out around its target as `rar prepare` does."""
    tracking, tracks = config.tracking, []
    for sequence in sequences:
        pictures = []
        for index, (frame, box) in enumerate(zip(sequence.frames, sequence.pixel_boxes)):
            usable = (box[2:] >= MIN_SIDE).all() and visible(box, frame.shape) >= MIN_VISIBLE  # NaN is not
            if index % EVERY == 0 and usable:
                pictures.append(
                    (index, *cut_region(frame, box, tracking.input_size, tracking.padding, tracking.window))
                )
        tracks.append(pictures)
    kept = [(sequence.name, track) for sequence, track in zip(sequences, tracks) if len(track) > 1]
    return Stored([name for name, _ in kept], [track for _, track in kept])
