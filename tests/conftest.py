import shutil
import signal

import numpy as np
import pytest

import rar_gluon  # noqa: F401  (before mxnet: sets its threads)
from rar_gluon.common import InputError
from rar_gluon.config import from_dict

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # started with &: what tests interrupt would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)

SMALL_NETWORK = {  # as RAR's, with few channels
    "width": 0.125,
    "stem_channels": 8,
    "lstm_hidden": 4,
    "channel_reduction": 4,
    "spatial_hidden": 3,
    "spatial_kernel": 5,
    "refinement_channels": 12,
    "output_channels": 6,
}


@pytest.fixture(scope="session")
def small_config():
    """Make a configuration of a small network at input size 127: `small_config(filter={...}, stride=16, ...)`."""

    def make(tracking=None, filter=None, training=None, **network):
        if network.get("refinement") == "concat":
            network = {"output_channels": 64, **network}
        values = {"network": {**SMALL_NETWORK, **network}, "tracking": {"input_size": 127, **(tracking or {})}}
        return from_dict({**values, "filter": filter or {}, "training": training or {}})

    return make


@pytest.fixture(scope="session")
def refusal():
    """Make a call that raises `InputError`; gives its message: one sentence on one line."""

    def call(function, *arguments, **options):
        with pytest.raises(InputError) as caught:
            function(*arguments, **options)
        message = str(caught.value)
        assert "\n" not in message and message.endswith((".", "?"))
        return message

    return call


@pytest.fixture(scope="session")
def texture():
    """Make a smooth random picture (height, width, 3) uint8, different for each seed."""
    import cv2

    def make(height, width, seed=0, grain=8):
        rng = np.random.default_rng(seed)
        coarse = rng.integers(0, 256, (-(-height // grain) + 1, -(-width // grain) + 1, 3)).astype(np.uint8)
        fine = cv2.resize(coarse, (coarse.shape[1] * grain, coarse.shape[0] * grain), interpolation=cv2.INTER_CUBIC)
        return fine[:height, :width].copy()

    return make


@pytest.fixture(scope="session")
def make_clip(texture):
    """Make a clip: an ellipse of one texture on another.

    `make_clip(boxes, shape)` takes the boxes (N, 4) and gives N frames (H, W, 3); the picture within the box is the
    same in all of them, scaled to it, so that the boxes are the truth to a fraction of a pixel.
    """
    import cv2

    def make(boxes, shape=(120, 160), seed=0):
        background = texture(*shape, seed=seed, grain=10)
        side = 64
        target = texture(side, side, seed=seed + 1, grain=8)
        rows, columns = np.mgrid[:side, :side] + 0.5
        mask = (((rows / side - 0.5) ** 2 + (columns / side - 0.5) ** 2) < 0.25).astype(np.float32)
        frames = []
        for x, y, w, h in boxes:
            # pixel centres of the picture (0.5, ..., side - 0.5) onto x .. x + w
            matrix = np.array([[w / side, 0, x + w / side / 2 - 0.5], [0, h / side, y + h / side / 2 - 0.5]])
            size = shape[1::-1]
            alpha = cv2.warpAffine(mask, matrix, size)[..., None]
            frames.append((alpha * cv2.warpAffine(target, matrix, size) + (1 - alpha) * background).astype(np.uint8))
        return frames

    return make


@pytest.fixture
def write_sequences(make_clip):
    """Write `count` sequences s0, s1, ... of four frames into a folder: `write_sequences(root, count)` gives it."""
    import cv2

    def write(root, count, step=2):
        for number in range(count):
            folder = root / f"s{number}"
            folder.mkdir(parents=True)
            boxes = [(40 + step * index, 30 + index, 24, 20) for index in range(4)]
            for index, frame in enumerate(make_clip(boxes, seed=number)):
                cv2.imwrite(str(folder / f"{index:04d}.png"), frame)
            (folder / "groundtruth.txt").write_text("".join("{},{},{},{}\n".format(*box) for box in boxes))
        return root

    return write


@pytest.fixture(scope="session")
def shipped():
    """The configuration rar_thin and its network on the weights of the package."""
    from rar_gluon.config import load
    from rar_gluon.net.weights import load_network

    config = load("rar_thin")
    return config, load_network(config)


@pytest.fixture(scope="session")
def tiny_size():
    """Text of a size of experiments, in which a row takes seconds."""
    return """description: Not comparable.
config:
  network: {width: 0.125, stem_channels: 8, lstm_hidden: 4, refinement_channels: 8, statistics: trained}
  filter: {contexts: 0}
  tracking: {input_size: 129, scales: 1}
  training: {epochs: 1, epoch_clips: 4, batch: 2, frozen: []}
matching: {pairs: 4, synthetic: 4, seed: 6, gap: 20, shift: 0.5, scale: 0.1, steps: [1]}
tracking: {synthetic: 2, frames: 3, seed: 5}
"""


@pytest.fixture
def published_folder(tmp_path):
    """Folder of published tables, as `literature` has them."""
    folder = tmp_path / "published"
    folder.mkdir()
    (folder / "table2.csv").write_text(
        "tracker,otb2013_auc,otb2013_dp,otb2015_auc,otb2015_dp,fps,source\n"
        "RAR,0.682,0.896,0.664,0.873,37,Table 2\n"
        "SiamFC,0.609,0.809,0.578,0.767,86,Table 2\n"
        "CFNet,0.611,0.807,0.568,0.767,73,Table 2\n"
    )
    (folder / "recomputed_otb.csv").write_text(
        "tracker,otb2013_auc,otb2013_dp,otb2015_auc,otb2015_dp,otb2015_mean_precision,protocol,note,source\n"
        "SiamFC-3s,0.607,0.809,0.582,0.771,,matlab,,recomputed\n"
        "CFNet-conv2,0.611,0.807,0.568,0.748,0.693,matlab,,recomputed\n"
        "SiamFC-3s,0.5,0.6,0.7,0.8,,matlab,another release,recomputed\n"
    )
    return folder


@pytest.fixture
def browser(tmp_path):
    """Headless Chromium, driven by Selenium; downloads go to `tmp_path / "downloads"`."""
    webdriver = pytest.importorskip("selenium.webdriver")
    names = ("chromium", "chromium-browser", "google-chrome")
    chromium = next(filter(None, map(shutil.which, names)), None)
    if chromium is None or shutil.which("chromedriver") is None:
        pytest.skip("needs chromium and chromedriver: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (
        "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
        "--disable-component-update --disable-sync --window-size=1000,700"
    ).split():
        options.add_argument(flag)
    options.add_argument(f"--user-data-dir={tmp_path / 'profile'}")
    options.add_experimental_option("prefs", {"download.default_directory": str(tmp_path / "downloads")})
    service = webdriver.ChromeService(shutil.which("chromedriver"))
    driver = webdriver.Chrome(options=options, service=service)
    yield driver
    driver.quit()
