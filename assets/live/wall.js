// The wall of sixty test digits and the large number beside it: what the network of the shown run
// reads, several times a second while it trains. Only the tiles that change are touched.
(function () {
  "use strict";

  const { element, make, notify, openTab, percent, slider, url } = window.digitlab;

  const TRAINING = ["running", "stopping"];
  const REPLAY_MS = 8000;
  const FRAME_MS = [200, 600]; // least and most for a frame of the replay
  const AWAY_MS = 1000; // so long out of sight, and the previews end
  const ESTIMATED_FROM = 1000; // test images
  const NO_ANSWER = "Digit Lab does not answer: the digits cannot be shown again now. Try again.";

  let shown; // the id of the run; undefined: not known yet
  let revision = 0;
  let run = null;
  let epoch = null; // the epoch of the tape; null: the newest network
  let known = null; // the test images, their labels and which sample they are
  let newest = null; // the newest frame of the run
  let estimated = null; // the newest one with an accuracy
  let evaluated = null; // its last evaluation, without digits
  let sample = 0; // which test images are wanted; what training reads are those of 0
  let asked = null; // the frame of the network after `epoch`, or of another sample
  let replay = null;
  let questions = 0; // only the answer to the last one counts
  let inSight = false;
  let away = null;

  const tiles = () => [...element("wall-tiles").children];

  // Sixty buttons of Dash would delay the page.
  function addTiles() {
    for (let place = 0; place < 60; place++) {
      const digit = place % 10;
      const ink = make("i", { className: "ink" });
      ink.style.setProperty("--c", digit);
      ink.style.setProperty("--r", Math.floor(place / 10));
      const as = make("span", { className: "as" });
      const about = { className: "tile", tabIndex: place ? -1 : 0, ariaLabel: `a ${digit}` };
      element("wall-tiles").append(make("button", about, ink, as));
    }
  }

  const isTraining = () => TRAINING.includes(run?.state);
  const isAsked = () => epoch !== null || known?.sample > 0;
  // Whether the server still has the network that is shown, and can be asked what it reads.
  const isKept = () => epoch !== null || run?.state === "done";

  // The frame of the network that trained longer; an evaluation beats an estimate.
  function later(one, other) {
    if (!one || !other) return one ?? other;
    if (one.progress === other.progress) return one.exact ? one : other;
    return one.progress > other.progress ? one : other;
  }

  function addFrame(frame) {
    newest = later(newest, frame);
    if (frame?.accuracy != null) estimated = later(estimated, frame);
  }

  // What the server knows of the shown network, and which images there are.
  async function load() {
    if (!inSight || shown === undefined) return;
    const question = ++questions;
    const wanted = sample;
    const of = shown === null ? "" : `/runs/${shown}`;
    const at = epoch === null ? "" : `&epoch=${epoch}`;
    let found = null;
    try {
      const answer = await fetch(url(`/api${of}/preview?sample=${wanted}${at}`));
      if (answer.ok) found = await answer.json();
    } catch {
      // The server is away: the next message asks again.
    }
    if (question !== questions) return;
    if (!found?.images.length) {
      sample = known?.sample ?? 0;
      return;
    }
    const others = wanted !== known?.sample || String(found.images) !== String(known.images);
    known = { ...known, ...found, sample: wanted };
    if (isAsked()) asked = found.current;
    else addFrame(found.current);
    if (others) {
      endReplay();
      paintImages();
    }
    paint();
  }

  function paintImages() {
    const of = shown === null ? "" : `&run=${shown}`;
    const sprite = `url("${url(`/api/preview.png?sample=${known.sample}${of}`)}")`;
    element("wall-tiles").style.setProperty("--sprite", sprite);
    const all = tiles();
    unmark();
    for (const tile of all) tile.style.visibility = "hidden"; // a rare digit has fewer images
    known.tiles = known.labels.map((label, place) => {
      const earlier = known.labels.slice(0, place).filter((one) => one === label).length;
      const tile = all[10 * earlier + label];
      tile.style.visibility = "";
      tile.dataset.lookInside = known.images[place];
      return tile;
    });
    const { images, labels } = known;
    document.dispatchEvent(new CustomEvent("digits", { detail: { images, labels, sprite } }));
  }

  function paintTile(tile, label, read) {
    const before = tile.dataset.read;
    if (before === read) return;
    if (read === undefined) delete tile.dataset.read;
    else tile.dataset.read = read;
    const isRight = read === String(label);
    const isNew = isRight && before !== undefined;
    const marked = read !== undefined && !isRight;
    tile.className = marked ? "tile wrong" : isNew ? "tile new" : "tile";
    tile.lastChild.textContent = marked ? read : isNew ? "✓" : "";
    tile.ariaLabel = marked ? `a ${label}, read as ${read}` : `a ${label}`;
  }

  const unmark = () => tiles().forEach((tile, place) => paintTile(tile, place % 10));

  function paint() {
    if (!known?.tiles) return;
    const frame = replay ? replay.frame : isAsked() ? asked : newest;
    const misread = [];
    known.labels.forEach((label, place) => {
      const read = frame?.digits[place];
      paintTile(known.tiles[place], label, read);
      if (frame && read !== String(label)) misread.push(`a ${label} as ${read}`);
    });
    paintScore(frame, misread);
    paintNumber(frame, misread);
    const state = !frame ? "before" : isTraining() ? "training" : "done";
    element("wall").dataset.state = state;
    element("wall-shuffle").disabled = state !== "done" || !isKept();
  }

  function write(id, text) {
    if (element(id).textContent !== text) element(id).textContent = text;
  }

  function paintScore(frame, misread) {
    const score = element("wall-score");
    const total = known.labels.length;
    const right = `${total - misread.length} of ${total}`;
    const rest = replay ? ` right after ${replay.frame.step.toLocaleString("en")} batches` : " right";
    const text = frame ? right + rest : unread();
    const which = misread.length ? ` Misread: ${misread.join(", ")}.` : "";
    const label = frame ? `${text}.${which}` : text;
    if (element("wall-tiles").ariaLabel !== label) element("wall-tiles").ariaLabel = label;
    if (score.textContent === text) return;
    score.classList.toggle("sentence", !frame);
    score.replaceChildren(...(frame ? [bold(right), rest] : inked(text)));
  }

  const bold = (text) => make("b", {}, text);

  // A sentence with the name of the button in it.
  const inked = (text) => text.split(/(?<=Press )(Train)/).map((part) => (part === "Train" ? bold(part) : part));

  // Why no digit is marked.
  function unread() {
    if (!run) return "This network has never seen a digit. Press Train and watch it learn to read.";
    if (epoch === 0) return "Before the first batch: every weight is random.";
    if (run.state === "queued") return "This run waits for its turn. It has read nothing yet.";
    if (isTraining()) return "The first batches…";
    return "This run stopped before it could read.";
  }

  // The large number: exact after an evaluation, estimated in between; at first from the wall alone.
  function paintNumber(frame, misread) {
    const asOf = replay ? replay.measured : epoch === null ? later(estimated, evaluated) : asked;
    const measured = asOf?.accuracy == null ? null : asOf;
    const { length } = known.labels;
    const isExact = Boolean(measured?.exact);
    const share = measured ? measured.accuracy : (length - misread.length) / length;
    const count = known.test_images;
    const of = `of ${count.toLocaleString("en")} test digits read right`;
    const from = measured ? Math.min(count, ESTIMATED_FROM) : length;
    element("number").classList.toggle("guess", !frame);
    element("number-about").hidden = !frame || isExact;
    if (!frame) {
      write("number-value", "10");
      write("number-caption", "of the test digits read right: pure guessing");
    } else if (isExact) {
      write("number-value", (100 * share).toFixed(2));
      write("number-caption", of);
    } else {
      write("number-value", String(Math.min(99, Math.round(100 * share)))); // never sure of all
      write("number-caption", `${of}, estimated from ${from.toLocaleString("en")}`);
    }
    if (!replay) paintButtons(isExact ? Math.round((1 - share) * count) : null);
  }

  function paintButtons(misread) {
    element("wall-replay").hidden = epoch !== null || known.frames < 2;
    element("wall-mistakes").hidden = misread === 0;
    const all = misread === null ? "what" : `all ${misread.toLocaleString("en")}`;
    write("wall-mistakes", `See ${all} it misreads`);
  }

  function showSample(wanted) {
    sample = wanted;
    return load();
  }

  // Watch again

  async function watchAgain() {
    if (replay) return endReplay();
    const of = shown;
    if (known.sample > 0) await showSample(0);
    const answer = await fetch(url(`/api/runs/${of}/preview/frames`)).catch(() => null);
    notify({ remark: answer ? "" : NO_ANSWER });
    if (!answer?.ok || of !== shown || replay || known.sample > 0) return;
    const { frames } = await answer.json();
    const count = Math.min(frames.length, REPLAY_MS / FRAME_MS[0]);
    const chosen = Array.from(
      { length: count },
      (_, place) => frames[Math.round((place * (frames.length - 1)) / Math.max(1, count - 1))],
    );
    const pace = Math.min(Math.max(REPLAY_MS / count, FRAME_MS[0]), FRAME_MS[1]);
    unmark();
    replay = { measured: null, timer: setInterval(step, pace) };
    element("wall-replay").lastChild.textContent = "Skip";
    step();

    function step() {
      const frame = chosen.shift();
      if (!frame) return endReplay();
      replay.frame = frame;
      if (frame.accuracy !== null) replay.measured = frame;
      paint();
    }
  }

  function endReplay() {
    if (!replay) return;
    clearInterval(replay.timer);
    replay = null;
    element("wall-replay").lastChild.textContent = "Watch again";
    paint();
  }

  // One sentence for each evaluation, for screen readers.
  function announce({ progress, test_accuracy }) {
    const epochs = Number(progress.toFixed(2));
    write("number-news", `After epoch ${epochs}: ${percent(test_accuracy)} of the test digits read right.`);
  }

  function update(message) {
    const another = message.shown !== shown || message.revision !== revision;
    if (another) {
      ({ shown, revision } = message);
      epoch = slider.epochOf(shown) ?? null;
      run = newest = estimated = evaluated = asked = null;
      sample = 0;
      endReplay();
      unmark();
    }
    const trained = isTraining();
    if (message.run) run = message.run;
    const evaluations = (message.events ?? []).filter(({ kind }) => kind === "epoch");
    const last = evaluations.at(-1);
    if (last) {
      evaluated = { progress: last.progress, accuracy: last.test_accuracy, exact: true };
      if (!another) announce(last);
    }
    if (message.preview) addFrame(message.preview);
    if (sample > 0 && !isKept()) showSample(0);
    if (another || (trained && !isTraining()) || (!known && message.text)) load();
    paint();
  }

  window.live.listen(update);

  document.addEventListener("version", () => {
    const chosen = slider.epochOf(shown) ?? null;
    if (chosen === epoch) return;
    epoch = chosen;
    asked = null;
    if (!isKept()) sample = 0;
    endReplay();
    load();
  });

  document.addEventListener("click", ({ target }) => {
    if (target.closest("#wall-replay")) watchAgain();
    if (target.closest("#wall-shuffle")) showSample(sample + 1);
    if (target.closest("#wall-mistakes")) openTab("mistakes");
  });

  const sight = new IntersectionObserver((entries) => {
    clearTimeout(away);
    const came = entries.at(-1).isIntersecting;
    if (!came) {
      inSight = false;
      away = setTimeout(() => window.live.want("preview", false), AWAY_MS);
      return;
    }
    inSight = true;
    window.live.want("preview", true);
    load();
  });
  window.live.drawn.then(() => {
    addTiles();
    sight.observe(element("wall"));
  });
})();
