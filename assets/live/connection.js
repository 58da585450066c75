// The connection to the server: one WebSocket, the page's place, and whoever listens. The messages
// are described in docs/api.md under "Live".
(function () {
  "use strict";

  const FIRST_RETRY_MS = 250; // doubled with each failure
  const LAST_RETRY_MS = 4000;
  const OPEN_MS = 5000; // a socket that takes longer to open counts as blocked
  const POLL_MS = 1000; // without WebSockets
  const POLLS_TO_SOCKET = 10; // so many polls later, a WebSocket is tried again
  const SILENT_MS = 12000; // the server says something every 5 s
  const FULL = 1013; // the code of a socket that is closed because too many pages are open
  const LOST_MS = 3000; // a first answer that takes longer counts as lost
  const GIVE_UP_MS = 30000; // one that takes longer is asked for anew

  const { firstRun, notify, url } = window.digitlab;
  const LIVE = () => url("/api/live");

  const listeners = [];
  const place = { server: "", version: -1, shown: null, revision: 0, cursor: 0 };
  const wants = new Set(); // parts of the messages that come only if somebody asks for them
  let run = firstRun; // null: the newest
  let attempt = 0; // a later attempt to connect overrules all earlier ones
  let socket = null;
  let polls = 0;
  let retryMs = FIRST_RETRY_MS;
  let heardAt = Date.now();

  // Dash must have drawn the page before the first message is put on it.
  const drawn = new Promise((resolve) => {
    const drawing = new MutationObserver(() => {
      if (!document.getElementById("run-pick")) return;
      drawing.disconnect();
      resolve();
    });
    drawing.observe(document, { childList: true, subtree: true });
  });

  function setState(state) {
    if (document.body.dataset.connection === state) return;
    document.body.dataset.connection = state;
    document.dispatchEvent(new Event("connection"));
  }

  function receive(message) {
    heardAt = Date.now();
    setState("open");
    const detail = { run, shown: message.shown, before: place.shown };
    if (!message.ping) handOn(message);
    document.dispatchEvent(new CustomEvent("shown", { detail })); // may connect anew
  }

  function handOn(message) {
    const restarted = message.server !== place.server;
    const { server, version, shown, revision, cursor } = message;
    Object.assign(place, { server, version, shown, revision, cursor });
    for (const listener of listeners) {
      try {
        listener(message, restarted);
      } catch (error) {
        console.error(error); // the other parts of the page go on
      }
    }
  }

  // The first answer, with the whole history, comes compressed; the socket then brings the news.
  async function connect() {
    const mine = ++attempt;
    socket?.close();
    socket = null;
    if (document.hidden) {
      setState("paused");
      return;
    }
    const late = setTimeout(() => mine === attempt && setState("lost"), LOST_MS);
    try {
      const query = Object.entries({ ...place, run }).filter(([, value]) => value !== null);
      for (const part of wants) query.push(["wants", part]);
      const address = `${LIVE()}?${new URLSearchParams(query)}`;
      const headers = { "X-Page-Origin": location.origin }; // browsers send none when they read
      const signal = AbortSignal.timeout(GIVE_UP_MS);
      const asked = fetch(address, { cache: "no-store", headers, signal });
      const [answer] = await Promise.all([asked, drawn]);
      if (!answer.ok) throw new Error(`${answer.status}`);
      const message = await answer.json();
      if (mine !== attempt) return;
      retryMs = FIRST_RETRY_MS;
      receive(message);
      if (mine !== attempt) return;
    } catch {
      if (mine !== attempt) return;
      setState("lost");
      retry(mine);
      return;
    } finally {
      clearTimeout(late);
    }
    if (polls % POLLS_TO_SOCKET === 0) open(mine);
    else poll(mine);
  }

  const later = (mine, ms) => setTimeout(() => mine === attempt && connect(), ms);

  function retry(mine) {
    later(mine, retryMs);
    retryMs = Math.min(2 * retryMs, LAST_RETRY_MS);
  }

  function poll(mine) {
    polls += 1;
    later(mine, POLL_MS);
  }

  function open(mine) {
    const mySocket = new WebSocket(location.origin.replace(/^http/, "ws") + LIVE());
    socket = mySocket;
    let opened = false;
    const blocked = setTimeout(() => opened || mySocket.close(), OPEN_MS);
    mySocket.onopen = () => {
      opened = true;
      polls = 0;
      mySocket.send(JSON.stringify({ ...place, run, wants: [...wants] }));
    };
    mySocket.onmessage = ({ data }) => {
      if (mine !== attempt) return;
      notify({ limit: "" });
      receive(JSON.parse(data));
    };
    mySocket.onclose = ({ code, reason }) => {
      clearTimeout(blocked);
      if (mine !== attempt) return;
      if (code === FULL) notify({ limit: reason });
      if (opened && code !== FULL) retry(mine);
      else poll(mine);
    };
  }

  document.addEventListener("visibilitychange", connect);
  setInterval(() => {
    if (socket && Date.now() - heardAt > SILENT_MS) connect();
  }, 1000);

  window.live = {
    // Calls `listener(message, restarted)` for each message. `restarted`: from another process of
    // the server than the one before; it then holds everything.
    listen: (listener) => listeners.push(listener),

    // Asks for a part of the messages, or no longer. A socket is opened anew: what is on its way on
    // the old one would come twice.
    want: (part, wanted) => {
      if (wants.has(part) === wanted) return;
      if (wanted) wants.add(part);
      else wants.delete(part);
      if (socket?.readyState === WebSocket.OPEN) connect();
    },

    drawn,
    heardAt: () => heardAt,
  };
  document.addEventListener("address", ({ detail }) => {
    if (detail.run === run) return;
    run = detail.run;
    connect();
  });
  setTimeout(connect); // after the scripts that listen
})();
