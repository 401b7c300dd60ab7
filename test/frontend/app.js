/**
 * The smallest frontend: signs in with Google, reads and writes customers, stays signed in, signs out. It runs on an
 * origin of its own, which is in CORS_ORIGINS, and its address in LOGIN_RETURN_URLS. Where the API is stands in the
 * page: were it taken from the address, anybody could make a link that sends codes and tokens to themselves.
 */
const api = document.querySelector('meta[name="api"]').content;
const here = location.origin + location.pathname;

/** In memory only: a script that gets into another page of this origin does not find them. A reload signs in anew. */
let tokens;
let refreshing;

const $ = (id) => document.getElementById(id);

/** Asks for something that one has to be signed in for; if the access token has run out, once more with a new one. */
async function call(path, options) {
  let response = await send(path, options);
  if (response.status === 401 && tokens) {
    await refresh();
    response = await send(path, options);
  }
  return { answer: await read(response), etag: response.headers.get('ETag') };
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

/** Errors are problem documents: what to do about one is told by its `code`. */
async function read(response) {
  const answer = response.status === 204 ? undefined : await response.json();
  if (!response.ok) throw new Error(answer.code);
  return answer;
}

/** One for all who wait for it: a refresh token works once, and using it again later ends the session. */
function refresh() {
  const { refreshToken } = tokens;
  refreshing ??= send('/login/refresh', { method: 'POST', body: { refreshToken } })
    .then(read)
    .then((fresh) => (tokens = fresh))
    .catch((error) => {
      // the session is over; after anything else, such as a network that is gone, it may go on later
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

/** The verifier stays here; only who has it can use the code that comes back (RFC 7636). */
async function signIn() {
  const verifier = base64url(crypto.getRandomValues(new Uint8Array(32)));
  sessionStorage.verifier = verifier;
  const codeChallenge = base64url(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier)));
  location.href = `${api}/login/google?${new URLSearchParams({ returnTo: here, codeChallenge })}`;
}

/** After that the browser is back, with a code or an error in the address. */
async function comeBack() {
  const query = new URLSearchParams(location.search);
  const codeVerifier = sessionStorage.verifier;
  sessionStorage.removeItem('verifier');
  // out of the address, the history and the Referer
  history.replaceState(null, '', here);
  if (query.has('error')) throw new Error(query.get('error'));
  if (!query.has('code') || !codeVerifier) return;
  const code = query.get('code');
  tokens = await read(await send('/login/exchange', { method: 'POST', body: { code, codeVerifier } }));
}

async function addCustomer() {
  const customer = { email: `ana-${Date.now()}@example.com`, name: 'Ana María', surname: 'de la Cruz' };
  // sent again, by hand or by `call`, it makes no second customer
  const headers = { 'Idempotency-Key': crypto.randomUUID() };
  const { answer, etag } = await call('/customers', { method: 'POST', body: customer, headers });
  // if somebody else has changed it meanwhile this is refused: version_conflict
  const change = { method: 'PATCH', body: { company: 'Cruz S.L.' }, headers: { 'If-Match': etag } };
  await call(`/customers/${answer.id}`, change);
}

async function signOut() {
  await call('/logout', { method: 'POST' });
  tokens = undefined;
}

async function show() {
  if (!tokens) return 'Signed out';
  const [me, customers] = await Promise.all([call('/me'), call('/customers?sort=surname')]);
  $('customers').replaceChildren(
    ...customers.answer.data.map(({ name, surname, company }) => {
      const item = document.createElement('li');
      item.textContent = `${name} ${surname}, ${company}`;
      return item;
    }),
  );
  return `Signed in as ${me.answer.email}`;
}

/** Does something, and says how it is now, or what went wrong. */
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
await run(comeBack)();
