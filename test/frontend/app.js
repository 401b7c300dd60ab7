/**
 * A minimal frontend: signs in with Google, reads and writes customers, refreshes its tokens, and signs out. It runs on
 * its own origin: CORS_ORIGINS lists the origin, LOGIN_RETURN_URLS its URL. The page contains the URL of the API: if it
 * came from the query, a prepared link could send codes and tokens to an attacker.
 */
const api = document.querySelector('meta[name="api"]').content;
const here = location.origin + location.pathname;

/** In memory only, so that a script in another page of this origin cannot read them. A reload requires a new sign-in. */
let tokens;
let refreshing;

const $ = (id) => document.getElementById(id);

/** Sends an authenticated request. If the access token has expired, refreshes it and retries once. */
async function call(path, options) {
  let response = await send(path, options);
  if (response.status === 401 && tokens) {
    await refresh();
    response = await send(path, options);
  }
  return { body: await read(response), etag: response.headers.get('ETag') };
}

function send(path, { method = 'GET', body, headers } = {}) {
  return fetch(api + path, {
    method,
    headers: {
      ...(tokens && { Authorization: `Bearer ${tokens.accessToken}` }),
      ...(body && { 'Content-Type': 'application/json' }),
      ...headers,
    },
    body: body && JSON.stringify(body),
  });
}

/** Errors are problem documents; programs use their `code`. */
async function read(response) {
  const body = response.status === 204 ? undefined : await response.json();
  if (!response.ok) throw new Error(body.code);
  return body;
}

/** Shared by concurrent requests: a refresh token is single-use, and using it again later ends the session. */
function refresh() {
  const { refreshToken } = tokens;
  refreshing ??= send('/login/refresh', { method: 'POST', body: { refreshToken } })
    .then(read)
    .then((fresh) => (tokens = fresh))
    .catch((error) => {
      // the session has ended; after other errors, such as a lost network, it can continue later
      if (error.message === 'invalid_refresh_token') tokens = undefined;
      throw error;
    })
    .finally(() => (refreshing = undefined));
  return refreshing;
}

const base64url = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes)))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');

/** The verifier stays in this browser; the returned code cannot be exchanged without it (RFC 7636). */
async function signIn() {
  const verifier = base64url(crypto.getRandomValues(new Uint8Array(32)));
  sessionStorage.verifier = verifier;
  const codeChallenge = base64url(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier)));
  location.href = `${api}/login/google?${new URLSearchParams({ returnTo: here, codeChallenge })}`;
}

/** Handles the redirect back from the API, with a code or an error in the query. */
async function completeSignIn() {
  const query = new URLSearchParams(location.search);
  const codeVerifier = sessionStorage.verifier;
  sessionStorage.removeItem('verifier');
  // remove the code from the URL, the history and the Referer
  history.replaceState(null, '', here);
  if (query.has('error')) throw new Error(query.get('error'));
  if (!query.has('code') || !codeVerifier) return;
  const code = query.get('code');
  tokens = await read(await send('/login/exchange', { method: 'POST', body: { code, codeVerifier } }));
}

async function addCustomer() {
  const customer = { email: `ana-${Date.now()}@example.com`, name: 'Ana María', surname: 'de la Cruz' };
  // a retry, by the user or by `call`, does not create a second customer
  const headers = { 'Idempotency-Key': crypto.randomUUID() };
  const { body, etag } = await call('/customers', { method: 'POST', body: customer, headers });
  // version_conflict if another user changed the customer in the meantime
  const change = { method: 'PATCH', body: { company: 'Cruz S.L.' }, headers: { 'If-Match': etag } };
  await call(`/customers/${body.id}`, change);
}

async function signOut() {
  await call('/logout', { method: 'POST' });
  tokens = undefined;
}

async function show() {
  if (!tokens) return 'Signed out';
  const [me, customers] = await Promise.all([call('/me'), call('/customers?sort=surname')]);
  $('customers').replaceChildren(
    ...customers.body.data.map(({ name, surname, company }) => {
      const item = document.createElement('li');
      item.textContent = `${name} ${surname}, ${company}`;
      return item;
    }),
  );
  return `Signed in as ${me.body.email}`;
}

/** Runs an action, then shows the new state or the error. */
const run = (action) => async () => {
  let state;
  try {
    await action();
    state = await show();
  } catch (error) {
    state = `Failed: ${error.message}`;
  }
  $('sign-in').hidden = Boolean(tokens);
  for (const id of ['customers', 'show', 'add', 'sign-out']) $(id).hidden = !tokens;
  $('state').textContent = state;
};

$('sign-in').onclick = run(signIn);
$('show').onclick = run(() => {});
$('add').onclick = run(addCustomer);
$('sign-out').onclick = run(signOut);
await run(completeSignIn)();
