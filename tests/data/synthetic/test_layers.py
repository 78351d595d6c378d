from dataclasses import replace

import numpy as np

from rar_gluon.data.synthetic import layers


def test_boxes_are_those_of_the_drawn_pixels(white_scenes, drawn_white):
    errors, moved = [], np.eye(3)
    moved[:2, 2] = 100  # into a larger frame, so that nothing is cut off
    for scene in white_scenes:
        plane = moved @ scene.target.plane
        still = {"gain": np.ones(20), "smear": np.zeros((20, 2))}  # blur has no edge to measure at
        layer = replace(scene.target, plane=plane, back=np.linalg.inv(plane), **still)
        for frame in range(0, 20, 4):
            rows, columns = np.nonzero(drawn_white(layer, frame, (320, 360)) >= 90)
            x, y, w, h = scene.boxes[frame] + [100, 100, 0, 0]
            drawn = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            errors.append(np.subtract(drawn, [x, y, x + w, y + h]))
    errors = np.array(errors)
    assert np.abs(errors).max() < 1.0  # a pixel is in or out: half a pixel by itself
    assert np.abs(errors).mean() < 0.4 and np.abs(errors.mean(axis=0)).max() < 0.2


def test_points_and_pixels_move_by_the_same_map(scenes):
    swaying = 0
    for scene in scenes[:20]:
        layer = scene.target
        swaying += layer.sway[0] > 0
        places = layer.to_frame(layer.sprite.outline)
        for frame in (0, 7, 19):
            x, y = places[frame].T.astype(np.float32)
            back = np.stack(layer.to_sprite(frame, x, y), axis=1)
            np.testing.assert_allclose(back, layer.sprite.outline, atol=0.03)
    assert 2 < swaying < 18


def test_a_plane_that_turns():
    turn = np.array([[np.pi / 2, 0, 0], [0, np.pi / 3, 0], [0, 0, np.pi / 3]])
    maps = layers.planes(np.full((3, 2), 50.0), np.full(3, 2.0), turn, depth=100)
    corners = np.array([[10.0, 0, 1], [0, 10, 1]])
    moved = corners @ maps.transpose(0, 2, 1)
    moved = moved[..., :2] / moved[..., 2:]
    np.testing.assert_allclose(moved[0], [[50, 70], [30, 50]], atol=1e-9)
    # 10 to the right is 5 to the right and 8.66 towards the camera at 100: 2 * 5 / (1 - 0.0866) in the picture
    np.testing.assert_allclose(moved[1], [[50 + 10 / (1 - 0.0866025), 50], [50, 70]], atol=1e-4)
    np.testing.assert_allclose(moved[2], [[70, 50], [50, 50 + 10 / (1 + 0.0866025)]], atol=1e-4)


def test_motion_blur():
    point = np.zeros((21, 21, 3), np.uint8)
    point[10, 10] = 250
    np.testing.assert_array_equal(layers.smeared(point, np.array([0.5, -0.9])), point)
    blurred = layers.smeared(point, np.array([8.0, 0.0]))[..., 0]
    assert (blurred[10, 6:15] == 250 // 9).all() and (np.delete(blurred, 10, axis=0) == 0).all() and blurred[10, 5] == 0
    diagonal = layers.smeared(point, np.array([6.0, -6.0]))[..., 0]
    assert (np.nonzero(diagonal)[0] + np.nonzero(diagonal)[1] == 20).all() and np.count_nonzero(diagonal) == 7
