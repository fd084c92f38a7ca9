/* The live connection: a websocket that starts with a snapshot; a reconnect is a start-up. Where sockets do not get through,
   the same snapshot and the events after its seq are polled. */

// The server's close codes
const signedOut = 4401;
const noLongerShared = 4403;
const gone = 4404;
const firstPause = 500;
const longestPause = 15_000;
const pollPause = 2_000;
const socketFailuresBeforePolling = 2;
const notFound = 404; // of the same facts over HTTP
const unauthorised = 401;

class Gone extends Error {}
class SignedOut extends Error {}

export class Connection {
  /** @param {{socket: string, snapshot: string, events: string, onFrame: (frame: object) => void, onState: (state: string) => void}} options */
  constructor(options) {
    Object.assign(this, options, { failures: 0, seq: 0, polling: null, isOver: false });
  }

  open() {
    if (this.isOver) return;
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}${this.socket}`);
    let greeted = false;
    let parts = "";
    socket.onmessage = ({ data }) => {
      let frame = JSON.parse(data);
      if (frame.type === "part") {
        parts += frame.text;
        if (!frame.is_last) return;
        frame = JSON.parse(parts);
        parts = "";
      }
      if (frame.type === "resync") return; // too slow for the queue: a fresh snapshot follows
      if (!greeted) {
        greeted = true;
        this.failures = 0;
        this.#stopPolling();
        this.onState("live");
      }
      this.#hand(frame);
    };
    socket.onclose = ({ code }) => {
      if (code === signedOut) this.#end("signed-out");
      else if (code === gone || code === noLongerShared) this.#end("gone");
      else this.#lost();
    };
  }

  #hand(frame) {
    if (frame.seq !== undefined) this.seq = frame.type === "snapshot" ? frame.seq : Math.max(this.seq, frame.seq);
    this.onFrame(frame);
  }

  /** The run was deleted, or is not ours to see any more, or we are signed out. */
  #end(state) {
    this.isOver = true;
    this.#stopPolling();
    this.onState(state);
  }

  #lost() {
    if (this.isOver) return;
    this.failures += 1;
    if (this.polling === null) this.onState("reconnecting");
    if (this.failures >= socketFailuresBeforePolling) this.#startPolling();
    // Spread, so that a restarted server does not meet all its browsers in one second.
    const pause = Math.min(longestPause, firstPause * 2 ** (this.failures - 1)) * (0.5 + Math.random());
    setTimeout(() => this.open(), pause);
  }

  #startPolling() {
    if (this.polling !== null) return;
    const mine = {};
    this.polling = mine;
    this.#poll(mine);
  }

  #stopPolling() {
    this.polling = null;
  }

  /** One request at a time: the next is only asked for when the last one was answered. */
  async #poll(mine) {
    let started = false;
    while (this.polling === mine) {
      try {
        if (started) for (const frame of await this.#newEvents()) this.polling === mine && this.#hand(frame);
        else {
          const frame = await this.#json(this.snapshot);
          if (this.polling !== mine) return;
          this.#hand({ type: "snapshot", ...frame });
          started = true;
        }
        this.onState("polling");
      } catch (error) {
        if (error instanceof Gone) return this.#end("gone");
        if (error instanceof SignedOut) return this.#end("signed-out");
        this.onState("reconnecting");
        started = false;
      }
      await new Promise((resolve) => setTimeout(resolve, pollPause));
    }
  }

  async #newEvents() {
    const answer = await this.#json(`${this.events}?after=${this.seq}`);
    return answer.events;
  }

  async #json(url) {
    const response = await fetch(url, { headers: { Accept: "application/json" } });
    if (response.status === notFound) throw new Gone(`${url} no longer exists`);
    if (response.status === unauthorised) throw new SignedOut(url);
    if (!response.ok) throw new Error(`${url} answered ${response.status}`);
    return response.json();
  }
}
