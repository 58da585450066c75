// Weights from a file, chosen with the button on the Runs tab or dropped on it. The file is sent as
// it is to the REST route; through a callback of Dash it would be a third longer, inside JSON.
(function () {
  "use strict";

  const NOT_SENT = "The file could not be sent: the connection to Digit Lab is lost. Try again.";
  const button = () => document.getElementById("runs-upload");

  function say(sentence, color) {
    window.dash_clientside.set_props("runs-say", { children: sentence, color, is_open: true });
  }

  async function send(file) {
    const most = Number(button().dataset.mostBytes);
    if (file.size > most) {
      say(`That file is too large: weights may have ${most >> 20} MB.`, "danger");
      return;
    }
    button().disabled = true;
    try {
      const address = window.digitlab.url(`/api/import?name=${encodeURIComponent(file.name)}`);
      const answer = await fetch(address, { method: "POST", body: file });
      const { error, run_id, name } = await answer.json();
      if (error) {
        say(error, "danger");
        return;
      }
      window.dash_clientside.set_props("run-pick", { value: run_id });
      say(`${name} was brought in. Every tab shows it now.`, "info");
    } catch {
      say(NOT_SENT, "danger");
    } finally {
      button().disabled = false;
    }
  }

  const input = document.createElement("input");
  Object.assign(input, { type: "file", hidden: true });
  input.addEventListener("change", async () => {
    if (input.files.length) await send(input.files[0]);
    input.value = ""; // the same file may be sent again
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest("#runs-upload")) return;
    document.body.append(input); // some browsers forget one that is nowhere in the page
    input.click();
  });
  document.addEventListener("drop", (event) => {
    const file = event.dataTransfer?.files[0];
    if (file && event.target.closest("#runs-upload")) send(file); // picture.js keeps the page
  });
})();
