// The API and the session with it. Tokens are kept in this module's memory and
// nowhere else: a reload signs out.

// A Problem is an answer that is not a success (RFC 9457).
export class Problem extends Error {
  constructor(status, document, retryAfter) {
    super(document.detail ?? document.title ?? `HTTP ${status}`);
    this.status = status;
    this.kind = (document.type ?? "").split(":").at(-1);
    this.document = document;
    this.retryAfter = retryAfter; // seconds; 0 where the answer names none
  }
}

// Unreachable says that no answer came: the network, or the server, is away.
export class Unreachable extends Error {}

// Ended says that the session is over and somebody has to sign in again.
export class Ended extends Error {}

// How long one answer may take: a little more than API Gateway waits for a
// function (29 s).
const answerTime = 30_000;

// A session is renewed when this part of an access token's life is over.
const renewAt = 0.8;

// Why a session cannot be renewed: the API does not say which.
const endedBy401 = "Your session is over: it was too old, or your role or password was changed. Sign in again.";

// After a renewal that got no answer, the next try comes this much later.
const renewAgain = 10_000;

// connect returns the API at a base address. ended is called with a reason, in
// words, when a session ends by itself.
export function connect(base, ended) {
  let tokens = null; // {access, refresh}
  let user = null;
  let timer = 0;
  let renewal = null; // the one under way

  async function send(method, path, { body, query, signal, token } = {}) {
    const address = new URL(base + path, location.href);
    for (const [name, value] of Object.entries(query ?? {})) {
      if (value !== undefined && value !== null && value !== "") address.searchParams.set(name, value);
    }
    const headers = { Accept: "application/json, application/problem+json" };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (token) headers.Authorization = `Bearer ${token}`;
    const signals = [AbortSignal.timeout(answerTime), signal].filter(Boolean);
    try {
      const answer = await fetch(address, {
        method, headers, body: body === undefined ? undefined : JSON.stringify(body),
        cache: "no-store", credentials: "omit", redirect: "error", referrerPolicy: "no-referrer",
        signal: AbortSignal.any(signals),
      });
      return await read(answer);
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      if (error instanceof Problem) throw error;
      throw new Unreachable("no answer", { cause: error });
    }
  }

  async function read(answer) {
    const text = await answer.text();
    let document = {};
    try {
      document = text ? JSON.parse(text) : {};
    } catch {
      if (answer.ok) throw new Problem(answer.status, { title: "The answer is not JSON" }, 0);
    }
    if (answer.ok) return answer.status === 204 ? null : document;
    throw new Problem(answer.status, document, Number(answer.headers.get("Retry-After")) || 0);
  }

  function take(session) {
    tokens = { access: session.access_token, refresh: session.refresh_token ?? tokens?.refresh };
    clearTimeout(timer);
    timer = setTimeout(quietly, session.expires_in * 1000 * renewAt);
  }

  // quietly renews before anybody notices; without an answer it tries again.
  async function quietly() {
    try {
      await renew();
    } catch (error) {
      if (tokens && !(error instanceof Ended)) timer = setTimeout(quietly, renewAgain);
    }
  }

  // renew gets a new access token. Whoever asks meanwhile waits for the same. One
  // that comes after somebody has signed out, or in again, is nobody's.
  function renew() {
    if (renewal?.of === tokens) return renewal.done;
    const asked = tokens;
    const mine = renewal = { of: asked, done: send("POST", "/token", { body: { refresh_token: asked.refresh } })
      .catch((error) => {
        if (tokens === asked && error.status === 401) throw end(endedBy401);
        if (tokens === asked && error.status === 423) throw end(`You are locked out. ${error.message}`);
        throw tokens === asked ? error : new Ended();
      })
      .then((session) => {
        if (tokens !== asked) throw new Ended();
        take(session);
      })
      .finally(() => { if (renewal === mine) renewal = null; }) };
    return mine.done;
  }

  function end(reason) {
    forget();
    ended(reason);
    return new Ended(reason);
  }

  function forget() {
    clearTimeout(timer);
    tokens = user = null;
  }

  // call asks with the session's token, and once more with a new one if that is
  // refused.
  async function call(method, path, options = {}) {
    if (!tokens) throw new Ended();
    const { access } = tokens;
    try {
      return await send(method, path, { ...options, token: access });
    } catch (error) {
      if (error.kind !== "unauthorized") throw error;
    }
    if (!tokens) throw new Ended();
    if (tokens.access === access) await renew();
    try {
      return await send(method, path, { ...options, token: tokens.access });
    } catch (error) {
      throw error.kind === "unauthorized" && tokens ? end(endedBy401) : error;
    }
  }

  const own = (path = "") => {
    if (!user) throw new Ended();
    return `/clients/${encodeURIComponent(user.client)}${path}`;
  };
  const one = (username, path = "") => own(`/users/${encodeURIComponent(username)}${path}`);

  return {
    get user() { return user; },

    async signIn(client, username, password) {
      const session = await send("POST", "/login", { body: { client, username, password } });
      user = session.user;
      take(session);
      return user;
    },

    // signOut ends the session here at once, and at the server if it answers.
    async signOut() {
      const refresh = tokens?.refresh;
      forget();
      if (refresh) await send("POST", "/logout", { body: { refresh_token: refresh } });
    },

    users: (query, signal) => call("GET", own("/users"), { query, signal }),
    userNamed: (username, signal) => call("GET", one(username), { signal }),
    createUser: (body) => call("POST", own("/users"), { body }),
    updateUser: (username, body) => call("PUT", one(username), { body }),
    setPassword: (username, password) => call("PUT", one(username, "/password"), { body: { password } }),
    deleteUser: (username) => call("DELETE", one(username)),
    unlock: (username, body) => call("POST", one(username, "/unlock"), { body }),
    unlockMany: (body) => call("POST", own("/unlocks"), { body }),
    policy: (signal) => call("GET", own("/policy"), { signal }),
    setPolicy: (body) => call("PUT", own("/policy"), { body }),
    clearPolicy: () => call("DELETE", own("/policy")),
    audit: (query, signal) => call("GET", own("/audit"), { query, signal }),
  };
}
