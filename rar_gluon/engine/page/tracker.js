// The tracker of rar_gluon/tracking/ and geometry.py, on the graphs that rar export writes.
"use strict";

// As in redetection.py: parts of the usual score, and how the search goes on.
const LOST_BELOW = 0.3, SEEN_ABOVE = 0.35, BESIDE_ABOVE = 0.6, SCORE_RATE = 0.05;
const LOOKS = 8, PATIENCE = 5, REACH = 4;

class Tracker {
  // description: tracker.json; sessions: ONNX Runtime's, by the names of the graphs.
  constructor(description, sessions) {
    this.description = description;
    this.sessions = sessions;
    this.settings = description.config.tracking;
  }

  static async open(files, runtime) {
    const description = JSON.parse(new TextDecoder().decode(files["tracker.json"]));
    const externalData = [{ path: "weights.bin", data: files["weights.bin"] }];
    const sessions = {};
    for (const name of ["represent", "template", "learn", "respond"]) {
      sessions[name] = await runtime.InferenceSession.create(files[`${name}.onnx`], { externalData });
    }
    Tracker.Tensor = runtime.Tensor;
    return new Tracker(description, sessions);
  }

  // Results of a graph by name; what it does not know of the inputs is left out.
  async run(name, values) {
    const known = Object.keys(this.description.graphs[name].inputs);
    return this.sessions[name].run(Object.fromEntries(known.map((key) => [key, values[key]])));
  }

  zeros(name, chosen) {
    const shapes = Object.entries(this.description.graphs[name].inputs).filter(([key]) => chosen(key));
    const empty = (shape) => new Tracker.Tensor("float32", new Float32Array(shape.reduce((a, b) => a * b)), shape);
    return Object.fromEntries(shapes.map(([key, shape]) => [key, empty(shape)]));
  }

  // frame: {width, height, data} of four bytes a pixel, as a canvas gives it; box: [x, y, w, h], pixels.
  async init(frame, box) {
    this.box = box;
    this.state = this.zeros("template", (key) => key.startsWith("state"));
    this.filter = this.zeros("learn", (key) => ["n_re", "n_im", "d"].includes(key));
    [this.usual, this.lost] = [null, 0]; // score of the frames in which it is seen; frames since it was
    const z0 = await this.learn(frame, 1);
    this.first = this.score = Math.max(...(await this.run("respond", { x: z0, ...this.filter })).response.data);
  }

  async update(frame) {
    const { settings } = this, base = this.window();
    const steps = Array.from({ length: settings.scales }, (_, index) => index - (settings.scales - 1) / 2);
    const windows = steps.map((step) => scaled(base, settings.scale_step ** step));
    const seen = await this.look(frame, windows);
    const penalty = (step) => (step < 0 ? settings.scale_penalty : step > 0 ? settings.scale_penalty_larger : 1);
    const heights = seen.map(({ score }, index) => score * penalty(steps[index]));
    let best = seen[heights.indexOf(Math.max(...heights))];
    this.score = best.score;
    if (settings.redetection) best = await this.search(frame, best, base);
    // Hidden, or a fade to black: nothing to locate or to learn.
    if (best === null || best.values.every((value) => value === 0)) return this.box;
    this.score = best.score;
    const [, , w, h] = this.box, factor = best.window[2] / base[2], [cx, cy] = shifted(best.window, best.shift);
    this.box = limited(cx, cy, w * factor, h * factor, frame);
    let rate = settings.learning_rate;
    if (settings.adaptive_rate) rate = Math.min(1, Math.max(0, (rate * this.score) / Math.max(this.first, 1e-6)));
    await this.learn(frame, rate);
    return this.box;
  }

  // What the filter answers in windows of a frame: {window, values, score, shift}, shift its maximum's, in windows.
  // Windows of one colour answer 0.
  async look(frame, windows) {
    const size = this.settings.input_size, cell = this.description.config.network.stride / size;
    const image = patches(frame, windows, size);
    const { representation } = await this.run("represent", { image, ...this.state });
    const { response } = await this.run("respond", { x: representation, ...this.filter });
    const [, height, width] = response.dims, cells = height * width;
    if (image.data.every((value) => value === image.data[0])) response.data.fill(0);
    return windows.map((window, index) => {
      const values = response.data.subarray(index * cells, (index + 1) * cells), [dy, dx] = peak(values, height, width);
      return { window, values, score: Math.max(...values), shift: [dx * cell, dy * cell] };
    });
  }

  // What the target is seen in: `best`, or a window beside `base`; null while it is lost (redetection.py).
  async search(frame, best, base) {
    const score = async (seen, needed) => {
      if (this.usual !== null && seen.score >= needed * this.usual) return seen.score;
      // At a window's edge the Hann window damps the response.
      const [again] = await this.look(frame, [shifted(seen.window, seen.shift)]);
      return Math.max(seen.score, again.score);
    };
    const value = await score(best, SEEN_ABOVE);
    if (this.usual === null && value > 0) this.usual = value;
    if (value > 0 && value >= (this.lost ? SEEN_ABOVE : LOST_BELOW) * this.usual) {
      this.usual += SCORE_RATE * (value - this.usual);
      this.lost = 0;
      return best;
    }
    const windows = beside(base, frame, Math.min(REACH, Math.floor(this.lost / PATIENCE))), count = windows.length;
    const first = (this.lost * LOOKS) % Math.max(count, 1);
    const chosen = [...windows, ...windows].slice(first, first + Math.min(LOOKS, count));
    this.lost += 1;
    if (!chosen.length || this.usual === null) return null;
    const found = (await this.look(frame, chosen)).reduce((a, b) => (b.score > a.score ? b : a));
    if ((await score(found, BESIDE_ABOVE)) < BESIDE_ABOVE * this.usual) return null;
    this.lost = 0;
    return found;
  }

  // Move state and filter to the box on a frame; returns z0.
  async learn(frame, rate) {
    const method = this.description.config.filter, larger = this.description.template_size, [, , w, h] = this.box;
    const window = this.window(), [cx, cy, ...sides] = window;
    const windows = [scaled(window, larger / this.settings.input_size)];
    if (method.contexts && method.context_source === "image") {
      windows.push(...[[0, -h], [0, h], [-w, 0], [w, 0]].map(([dx, dy]) => [cx + dx, cy + dy, ...sides]));
    }
    const seen = await this.run("template", { image: patches(frame, windows, larger), ...this.state });
    for (const key of Object.keys(this.state)) this.state[key] = seen[`new_${key}`];
    const filter = await this.run("learn", {
      ...seen, ...this.filter, rate: new Tracker.Tensor("float32", Float32Array.of(rate), [1]),
    });
    for (const key of Object.keys(this.filter)) this.filter[key] = filter[`new_${key}`];
    return seen.z0;
  }

  // Search window [cx, cy, width, height] of the box.
  window() {
    const [x, y, w, h] = this.box, p = this.settings.padding, side = Math.sqrt(w * h);
    const sides = {
      "per-axis": [(1 + p) * w, (1 + p) * h],
      margin: [w + p * side, h + p * side],
      square: [(1 + p) * side, (1 + p) * side],
    };
    return [x + w / 2, y + h / 2, ...sides[this.settings.window]];
  }
}

function shifted([cx, cy, width, height], [dx, dy]) {
  return [cx + dx * width, cy + dy * height, width, height];
}

function scaled([cx, cy, width, height], factor) {
  return [cx, cy, width * factor, height * factor];
}

// Windows of this size at steps of half of it, whose centre is on the frame, nearest first.
function beside([cx, cy, wide, high], { width, height }, reach) {
  const steps = Array.from({ length: 2 * reach + 1 }, (_, index) => index - reach);
  const offsets = steps.flatMap((dy) => steps.map((dx) => [dx, dy])).filter(([dx, dy]) => dx || dy);
  offsets.sort((a, b) => Math.hypot(...a) - Math.hypot(...b));
  const moved = offsets.map(([dx, dy]) => [cx + (dx * wide) / 2, cy + (dy * high) / 2, wide, high]);
  return moved.filter(([x, y]) => x >= 0 && x <= width && y >= 0 && y <= height);
}

// Windows of a frame as one tensor (n, size, size, 3), BGR.
function patches(frame, windows, size) {
  const data = new Uint8Array(windows.length * size * size * 3);
  windows.forEach((window, index) => crop(frame, window, size, data.subarray(index * size * size * 3)));
  return new Tracker.Tensor("uint8", data, [windows.length, size, size, 3]);
}

// Cut a window out of a frame, sampled bilinearly at a multiple of the size and averaged; the border repeats.
function crop({ width, height, data }, window, size, out) {
  const [cx, cy, wide, high] = window;
  const fine = Math.floor(Math.min(Math.max(wide / size, high / size, 1), 8)), count = size * fine;
  const places = (middle, side, length) =>
    Array.from({ length: count }, (_, index) => {
      const at = middle - side / 2 + ((index + 0.5) * side) / count - 0.5, low = Math.floor(at);
      const inside = (value) => Math.min(Math.max(value, 0), length - 1);
      return [inside(low), inside(low + 1), at - low];
    });
  const columns = places(cx, wide, width), rows = places(cy, high, height);
  const sums = new Float32Array(size * 3);
  for (let row = 0; row < size; row++) {
    sums.fill(0);
    for (let sub = 0; sub < fine; sub++) {
      const [top, bottom, down] = rows[row * fine + sub];
      for (let column = 0; column < count; column++) {
        const [left, right, across] = columns[column], to = Math.floor(column / fine) * 3;
        for (let channel = 0; channel < 3; channel++) {
          const at = (y, x) => data[(y * width + x) * 4 + channel];
          const upper = at(top, left) * (1 - across) + at(top, right) * across;
          const lower = at(bottom, left) * (1 - across) + at(bottom, right) * across;
          sums[to + 2 - channel] += upper * (1 - down) + lower * down;
        }
      }
    }
    for (let index = 0; index < sums.length; index++) {
      out[row * size * 3 + index] = Math.round(sums[index] / (fine * fine));
    }
  }
}

// Displacement [dy, dx] in cells of the maximum, below a cell by the Gaussian through it and its neighbours.
function peak(values, height, width) {
  const top = values.indexOf(Math.max(...values)), row = Math.floor(top / width), column = top % width;
  const along = (index, length, value) => {
    let three = [-1, 0, 1].map((step) => value((index + step + length) % length));
    if (Math.min(...three) > 0) three = three.map(Math.log);
    const bend = three[0] - 2 * three[1] + three[2];
    const signed = index > Math.floor(length / 2) ? index - length : index;
    return signed + (bend < 0 ? (0.5 * (three[0] - three[2])) / bend : 0);
  };
  return [
    along(row, height, (index) => values[index * width + column]),
    along(column, width, (index) => values[row * width + index]),
  ];
}

// Box with its centre on the frame, and sides from two pixels to the frame's.
function limited(cx, cy, w, h, { width, height }) {
  [cx, cy] = [Math.min(Math.max(cx, 0), width), Math.min(Math.max(cy, 0), height)];
  const shrink = Math.min(1, width / w, height / h);
  const grow = Math.max(1, 2 / (w * shrink), 2 / (h * shrink));
  const side = (value, most) => Math.min(Math.max(value * shrink * grow, 2), most);
  [w, h] = [side(w, width), side(h, height)];
  return [cx - w / 2, cy - h / 2, w, h];
}
