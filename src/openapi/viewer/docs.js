/**
 * Swagger UI with a sign-in form. Files of its own, as the policy of the page allows no inline scripts. The page sends its
 * requests to the host that it comes from, not to the example server of the document.
 */
const root = new URL('..', document.currentScript.src).href.replace(/\/$/, '');
const form = document.getElementById('sign-in');
let ui;
let tokens;

async function post(path, body) {
  const headers = { 'Content-Type': 'application/json' };
  const response = await fetch(root + path, { method: 'POST', headers, body: JSON.stringify(body) });
  const answer = await response.json();
  if (!response.ok) throw new Error(`${answer.title}. ${answer.detail}`);
  return answer;
}

function authorize(fresh) {
  tokens = { ...fresh, refreshAt: Date.now() + (fresh.expiresIn - 10) * 1000 };
  ui.preauthorizeApiKey('bearer', fresh.accessToken);
  ui.authActions.persistAuthorizationIfNeeded();
  show('Signed in: “Try it out” sends your access token.');
}

const show = (text) => (document.getElementById('signed-in').textContent = text);
const run = (action) => action().catch((error) => show(error.message));

form.onsubmit = (event) => {
  event.preventDefault();
  const { email, password } = form.elements;
  return run(async () => {
    authorize(await post('/login', { email: email.value, password: password.value }));
    password.value = '';
  });
};

const base64url = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes)))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');

for (const button of form.querySelectorAll('[data-provider]'))
  button.onclick = () =>
    run(async () => {
      // the returned code cannot be exchanged without the verifier, which stays here (RFC 7636)
      const verifier = base64url(crypto.getRandomValues(new Uint8Array(32)));
      sessionStorage.docsVerifier = verifier;
      const codeChallenge = base64url(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier)));
      const query = new URLSearchParams({ returnTo: `${root}/docs`, codeChallenge });
      location.href = `${root}/login/${button.dataset.provider}?${query}`;
    });

/** After the redirect from a provider. */
async function completeSignIn() {
  const query = new URLSearchParams(location.search);
  const codeVerifier = sessionStorage.docsVerifier;
  sessionStorage.removeItem('docsVerifier');
  // removes the code from the URL, the history and the Referer
  if (location.search) history.replaceState(null, '', location.pathname + location.hash);
  if (query.has('error')) throw new Error(`The sign-in failed: ${query.get('error')}`);
  if (query.has('code') && codeVerifier)
    authorize(await post('/login/exchange', { code: query.get('code'), codeVerifier }));
}

/** “Try it out” fills in examples. Those of optional parameters would make most requests fail, such as an old `If-Match`. */
function withoutOptionalExamples(api) {
  const all = [
    ...Object.values(api.components.parameters ?? {}),
    ...Object.values(api.paths).flatMap((path) => Object.values(path).flatMap(({ parameters }) => parameters ?? [])),
  ];
  for (const parameter of all) {
    if (parameter.$ref || parameter.required) continue;
    delete parameter.example;
    delete parameter.examples;
    if (parameter.schema) delete parameter.schema.example;
  }
  return api;
}

/** Refreshes the access token before a request that would find it expired. */
async function refreshToken(request) {
  if (tokens && Date.now() > tokens.refreshAt && request.headers.Authorization) {
    authorize(await post('/login/refresh', { refreshToken: tokens.refreshToken }));
    request.headers.Authorization = `Bearer ${tokens.accessToken}`;
  }
  return request;
}

const start = async () => {
  const api = await (await fetch(`${root}/openapi.json`)).json();
  ui = SwaggerUIBundle({
    dom_id: '#swagger-ui',
    spec: { ...withoutOptionalExamples(api), servers: [{ url: root }] },
    deepLinking: true,
    filter: true,
    persistAuthorization: true,
    requestInterceptor: refreshToken,
    // would send the document elsewhere
    validatorUrl: null,
    onComplete: () => run(completeSignIn),
  });
};
void run(start);
