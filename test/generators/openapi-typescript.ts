import createClient from 'openapi-fetch';
import { baseUrl, credentials, emailOf, expect, photo } from './credentials';
import type { paths } from './openapi-typescript.gen';

const client = createClient<paths>({ baseUrl });
const login = await client.POST('/login', { body: credentials });
expect(login.data !== undefined, login.error);
const headers = { Authorization: `Bearer ${login.data.accessToken}` };

const body = { email: emailOf('openapi-typescript'), name: 'Ana', surname: 'García', phone: null };
const created = await client.POST('/customers', { body, headers });
expect(created.data?.version === 1, created.error);
const { id } = created.data;

const withPhoto = await client.PUT('/customers/{id}/photo', {
  params: { path: { id } },
  headers,
  body: { photo: photo as unknown as string },
  bodySerializer: ({ photo: file }: { photo: unknown }) => {
    const form = new FormData();
    form.append('photo', file as Blob);
    return form;
  },
} as never);
expect(withPhoto.response.status === 200, withPhoto.error);

const page = await client.GET('/customers', { params: { query: { email: body.email, count: true } }, headers });
expect(page.data?.data[0]?.photo?.width === 60, page);

const refused = await client.POST('/customers', { body, headers });
expect(refused.error?.code === 'email_taken', refused);
