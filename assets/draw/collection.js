// The visitor's own drawings: keep one, delete one, bring it back, teach them, and what follows from
// that on the page.
(function () {
  "use strict";

  const { ask, drawing, element, NO_ANSWER, onPress, setProps } = window.digitlab;

  const DRAWINGS = "/api/handwriting";
  const NOTHING_DRAWN = "Nothing is drawn yet: draw a digit, then say which one it is.";

  let deleted = []; // the ids of the drawings that Undo brings back

  const say = (sentence) => (element("hand-say").textContent = sentence);

  // The callback that shows what is kept hears of it.
  const changed = () => setProps("hand-changed", { data: Date.now() });

  // A drawing that was kept stays on the canvas until the next stroke.
  async function keep({ dataset: { keep: label } }) {
    const drawn = drawing.current();
    if (!drawn) throw NOTHING_DRAWN;
    const body = { ...drawn, as_drawn: window.digitlab.prediction.isAsDrawn(), label: Number(label) };
    await ask("POST", DRAWINGS, body);
    const next = drawn.pixels
      ? "Box another digit, or clear the photo to draw."
      : "Your next stroke begins another drawing.";
    say(`Kept as ${label}. ${next}`);
    drawing.finish();
    changed();
  }

  function offerUndo(ids) {
    deleted = ids;
    say("");
    setProps("hand-deleted", { is_open: true });
    changed();
  }

  async function remove({ dataset: { drawing: id } }) {
    await ask("DELETE", `${DRAWINGS}/${id}`);
    offerUndo([id]);
  }

  const removeAll = async () => offerUndo((await ask("DELETE", DRAWINGS)).deleted);

  async function undo() {
    say("");
    const restore = (id) => ask("POST", `${DRAWINGS}/${id}/restore`);
    const answers = await Promise.allSettled(deleted.map(restore));
    deleted = deleted.filter((_, at) => answers[at].reason === NO_ANSWER);
    setProps("hand-deleted", { is_open: deleted.length > 0 });
    changed();
    const refused = answers.find(({ reason }) => reason);
    if (refused) throw refused.reason;
  }

  // The page follows the network that is taught.
  async function teach() {
    const body = { ...window.digitlab.prediction.network(), mixed: element("hand-mixed").checked };
    const { run_id } = await ask("POST", `${DRAWINGS}/teach`, body);
    setProps("hand-untaught", { is_open: false });
    setProps("run-pick", { value: run_id });
    window.digitlab.slider.seekNewest();
    changed();
  }

  onPress("[data-keep]", keep, say);
  onPress(".hand-delete", remove, say);
  onPress("#hand-delete-all", removeAll, say);
  onPress("#hand-undo", undo, say);
  onPress("#hand-teach", teach, (children) =>
    setProps("hand-untaught", { children, is_open: true }));
})();
