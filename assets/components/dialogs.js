// Dialogs: `data-opens` and `data-closes` of a button name one by its id. A click beside an open one
// closes it.
(function () {
  "use strict";

  const isBeside = (dialog, { clientX, clientY }) => {
    const { left, right, top, bottom } = dialog.getBoundingClientRect();
    return clientX < left || clientX > right || clientY < top || clientY > bottom;
  };

  window.digitlab.openDialog = (id) => {
    document.getElementById(id).showModal();
    window.digitlab.build(document.getElementById(`${id}-body`));
  };

  let begunBeside = false; // a drag may end beside a dialog

  document.addEventListener("pointerdown", (event) => {
    begunBeside = event.target.matches("dialog") && isBeside(event.target, event);
  });

  document.addEventListener("click", (event) => {
    const opens = event.target.closest("[data-opens]");
    const closes = event.target.closest("[data-closes]");
    if (opens) window.digitlab.openDialog(opens.dataset.opens);
    if (closes) document.getElementById(closes.dataset.closes).close();
    const isDouble = event.detail > 1; // its second click comes while the dialog slides in
    if (event.target.matches("dialog") && begunBeside && !isDouble) event.target.close();
  });
})();
