/**
 * The smallest frontend: signs in with Google, reads and writes customers, refreshes its tokens, signs out. It runs on
 * an origin of its own, which is in CORS_ORIGINS, and its address in LOGIN_RETURN_URLS.
 */
const api = new URLSearchParams(location.hash.slice(1)).get('api') ?? sessionStorage.api;
sessionStorage.api = api;
const here = location.origin + location.pathname;

/** In memory only: a script that gets into another page of this origin does not find them. */
let tokens;

const $ = (id) => document.getElementById(id);

async function call(path, { method = 'GET', body, headers } = {}) {
  const response = await fetch(api + path, {
    method,
    headers: {
      ...(tokens && { Authorization: `Bearer ${tokens.accessToken}` }),
      ...(body && { 'Content-Type': 'application/json' }),
      ...headers,
    },
    body: body && JSON.stringify(body),
  });
  const answer = response.status === 204 ? undefined : await response.json();
  if (!response.ok) throw new Error(answer.code);
  return { answer, etag: response.headers.get('ETag') };
}

/** The verifier stays here; only who has it can use the code that comes back (RFC 7636). */
async function signIn() {
  const base64url = (bytes) =>
    btoa(String.fromCharCode(...new Uint8Array(bytes)))
      .replaceAll('+', '-')
      .replaceAll('/', '_')
      .replaceAll('=', '');
  const verifier = base64url(crypto.getRandomValues(new Uint8Array(32)));
  sessionStorage.verifier = verifier;
  const challenge = base64url(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier)));
  location.href = `${api}/login/google?${new URLSearchParams({ returnTo: here, codeChallenge: challenge })}`;
}

async function comeBack() {
  const query = new URLSearchParams(location.search);
  if (!query.has('code') && !query.has('error')) return;
  // out of the address, the history and the Referer
  history.replaceState(null, '', here);
  if (query.has('error')) throw new Error(query.get('error'));
  const codeVerifier = sessionStorage.verifier;
  sessionStorage.removeItem('verifier');
  tokens = (await call('/login/exchange', { method: 'POST', body: { code: query.get('code'), codeVerifier } })).answer;
}

async function addCustomer() {
  const customer = { email: `ana-${Date.now()}@example.com`, name: 'Ana María', surname: 'de la Cruz' };
  const created = await call('/customers', {
    method: 'POST',
    body: customer,
    headers: { 'Idempotency-Key': crypto.randomUUID() },
  });
  await call(`/customers/${created.answer.id}`, {
    method: 'PATCH',
    body: { company: 'Cruz S.L.' },
    headers: { 'If-Match': created.etag },
  });
}

async function refresh() {
  tokens = (await call('/login/refresh', { method: 'POST', body: { refreshToken: tokens.refreshToken } })).answer;
}

async function signOut() {
  await call('/logout', { method: 'POST' });
  tokens = undefined;
}

async function show() {
  $('sign-in').hidden = Boolean(tokens);
  for (const id of ['add', 'refresh', 'sign-out']) $(id).hidden = !tokens;
  $('customers').replaceChildren();
  $('state').textContent = 'Signed out';
  if (!tokens) return;
  const { answer: me } = await call('/me');
  const { answer: customers } = await call('/customers?sort=surname');
  for (const { name, surname, company } of customers.data) {
    const item = document.createElement('li');
    item.textContent = `${name} ${surname}, ${company}`;
    $('customers').append(item);
  }
  $('state').textContent =
    `Signed in as ${me.email} until ${new Date(Date.now() + tokens.expiresIn * 1000).toISOString()}`;
}

/** Does something, and says what went wrong. */
const run = (action) => async () => {
  try {
    await action();
    await show();
  } catch (error) {
    $('state').textContent = `Failed: ${error.message}`;
  }
};

$('sign-in').onclick = run(signIn);
$('add').onclick = run(addCustomer);
$('refresh').onclick = run(refresh);
$('sign-out').onclick = run(signOut);
await run(comeBack)();
