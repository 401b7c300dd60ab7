/** A small frontend: signs in, searches as you type, adds customers with a photo, and shows conflicting changes. */
import { createClient, ProblemError } from 'crm-client';

const crm = createClient({ baseUrl: document.querySelector('meta[name="api"]').content });
const $ = (id) => document.getElementById(id);
const here = location.origin + location.pathname;

/** The pages of the current search that were not shown yet. */
let rest;
/** The customer in the form, as it was read: its version is sent with the change. */
let edited;

async function showMore() {
  for (let shown = 0; shown < 20; shown++) {
    const { value: customer, done } = await rest.next();
    $('more').hidden = done;
    if (done) return;
    $('customers').append(itemOf(customer));
  }
}

function search(q) {
  const query = { sort: 'surname', limit: 20, ...(q && { q }) };
  rest = crm.pages('/customers', { params: { query } });
  $('customers').replaceChildren();
  return showMore();
}

function itemOf(customer) {
  const item = document.createElement('li');
  const button = document.createElement('button');
  button.textContent = `${customer.name} ${customer.surname}${customer.company ? `, ${customer.company}` : ''}`;
  if (customer.photo) button.prepend(Object.assign(new Image(), { src: customer.photo.thumbnailUrl, alt: '' }));
  button.onclick = () => edit(customer);
  item.append(button);
  return item;
}

function edit(customer) {
  edited = customer;
  $('edit').hidden = false;
  $('edit').querySelector('h2').textContent = `${customer.name} ${customer.surname}`;
  $('edit').elements.company.value = customer.company ?? '';
}

async function save() {
  const company = $('edit').elements.company.value || null;
  try {
    await crm.updateCustomer(edited, { company });
  } catch (error) {
    if (error.code !== 'version_conflict') throw error;
    const { data } = await crm.GET('/customers/{id}', { params: { path: { id: edited.id } } });
    edit(data);
    const message = `Someone else changed it meanwhile: the company is now "${data.company ?? ''}". Save again?`;
    throw new Error(message, { cause: error });
  }
  $('edit').hidden = true;
  await search($('search').value);
}

async function create() {
  const { photo, ...values } = Object.fromEntries(new FormData($('create')));
  await crm.createCustomer(values, photo.size > 0 ? photo : undefined);
  $('create').reset();
  await search($('search').value);
}

/** Leaves the page. The verifier stays in this browser: the returned code cannot be exchanged without it (RFC 7636). */
async function signInWith(provider) {
  const { uri, codeVerifier } = await crm.startProviderSignIn(provider, here);
  sessionStorage.verifier = codeVerifier;
  location.href = uri;
}

/** Handles the redirect back from the provider, with a code or an error in the query. */
async function completeSignIn() {
  const query = new URLSearchParams(location.search);
  const codeVerifier = sessionStorage.verifier;
  sessionStorage.removeItem('verifier');
  // removes the code from the URL, the history and the Referer
  history.replaceState(null, '', here);
  if (query.has('error')) throw new Error(query.get('error'));
  if (!query.has('code') || !codeVerifier) return;
  await crm.completeProviderSignIn(query.get('code'), codeVerifier);
  await search('');
}

async function signIn() {
  const { email, password } = $('sign-in').elements;
  await crm.signIn(email.value, password.value);
  password.value = '';
  await search('');
}

/** Runs an action, then shows who is signed in, or why it failed. */
const run =
  (action) =>
  async (...args) => {
    args[0]?.preventDefault?.();
    let state;
    try {
      await action(...args);
      state = crm.isSignedIn ? `Signed in as ${(await crm.GET('/me')).data.email}` : 'Signed out';
    } catch (error) {
      state = error instanceof ProblemError ? `Failed: ${error.code}: ${error.message}` : `Failed: ${error.message}`;
    }
    $('sign-in').hidden = crm.isSignedIn;
    $('signed-in').hidden = !crm.isSignedIn;
    $('state').textContent = state;
  };

let typing;
$('search').oninput = () => {
  clearTimeout(typing);
  typing = setTimeout(
    run(() => search($('search').value)),
    200,
  );
};
$('sign-in').onsubmit = run(signIn);
for (const button of document.querySelectorAll('[data-provider]'))
  button.onclick = run(() => signInWith(button.dataset.provider));
$('sign-out').onclick = run(() => crm.signOut());
$('create').onsubmit = run(create);
$('edit').onsubmit = run(save);
$('more').onclick = run(showMore);
await run(completeSignIn)();
