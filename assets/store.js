// Tells the components of changes in Dash's store once a task, not after each of them.
//
// A callback changes the store about ten times (asked, waiting, running, ...), and a change of tab
// some forty times. After each change every component compares its properties: on a page with all
// views open more work than to draw the view. Redux calls this batching; Dash does not offer it.
// What somebody types or chooses is told at once: React puts a field back to what the store says as
// soon as it has handled the event.
(function () {
  "use strict";

  const isInField = () => window.event?.target?.matches?.("input, select, textarea");

  // Makes whoever subscribes to a store from now on hear of its changes so.
  function batch(store) {
    const { subscribe } = store;
    store.subscribe = (listener) => {
      const { port1: told, port2: tell } = new MessageChannel(); // timers wait in a hidden page
      let isDue = false;
      told.onmessage = () => {
        isDue = false;
        listener();
      };
      return subscribe(() => {
        if (isInField()) {
          listener();
        } else if (!isDue) {
          isDue = true;
          tell.postMessage(null);
        }
      });
    };
  }

  // Dash keeps its stores in this list. It adds one before the components subscribe to it, and after
  // its own part that runs callbacks, which still hears of each change.
  const stores = (window.dash_stores ??= []);
  stores.push = (...added) => {
    added.forEach(batch);
    return Array.prototype.push.apply(stores, added);
  };
})();
