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
  // The session there is: {user, access, refresh, timer, renewal, over}. renewal
  // is the one under way, and over ends all that the session still asks.
  let session = null;

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
      const document = await read(answer);
      signal?.throwIfAborted();
      return document;
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

  function take(of, answer) {
    of.access = answer.access_token;
    of.refresh = answer.refresh_token ?? of.refresh;
    clearTimeout(of.timer);
    of.timer = setTimeout(quietly, answer.expires_in * 1000 * renewAt, of);
  }

  // quietly renews before anybody notices; without an answer it tries again.
  async function quietly(of) {
    try {
      await renew(of);
    } catch (error) {
      if (of === session && !(error instanceof Ended)) of.timer = setTimeout(quietly, renewAgain, of);
    }
  }

  // renew gets a new access token. Whoever asks meanwhile waits for the same.
  function renew(of) {
    of.renewal ??= send("POST", "/token", { body: { refresh_token: of.refresh }, signal: of.over.signal })
      .then((answer) => take(of, answer), (error) => {
        if (error.status === 401) throw end(of, endedBy401);
        if (error.status === 423) throw end(of, `You are locked out. ${error.message}`);
        throw error;
      })
      .finally(() => { of.renewal = null; });
    return of.renewal;
  }

  function end(of, reason) {
    if (of === session) {
      forget();
      ended(reason);
    }
    return new Ended(reason);
  }

  // forget drops the session, and all that it still asks.
  function forget() {
    clearTimeout(session?.timer);
    session?.over.abort(new Ended());
    session = null;
  }

  // call asks with the session's token, and once more with a new one if that is
  // refused. It never goes on as whoever has signed in since.
  async function call(method, path, options = {}) {
    const of = session;
    if (!of) throw new Ended();
    const signal = AbortSignal.any([of.over.signal, options.signal].filter(Boolean));
    const { access } = of;
    try {
      return await send(method, path, { ...options, signal, token: access });
    } catch (error) {
      if (error.kind !== "unauthorized") throw error;
    }
    if (of.access === access) await renew(of);
    signal.throwIfAborted();
    try {
      return await send(method, path, { ...options, signal, token: of.access });
    } catch (error) {
      throw error.kind === "unauthorized" ? end(of, endedBy401) : error;
    }
  }

  const own = (path = "") => {
    if (!session) throw new Ended();
    return `/clients/${encodeURIComponent(session.user.client)}${path}`;
  };
  const one = (username, path = "") => own(`/users/${encodeURIComponent(username)}${path}`);

  return {
    get user() { return session?.user ?? null; },

    async signIn(client, username, password) {
      const answer = await send("POST", "/login", { body: { client, username, password } });
      forget();
      session = { user: answer.user, over: new AbortController() };
      take(session, answer);
      return session.user;
    },

    // signOut ends the session here at once, and at the server if it answers.
    async signOut() {
      const refresh = session?.refresh;
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
