import { baseUrl, credentials, emailOf, expect, photo } from './credentials';
import { createCustomer, listCustomers, setCustomerPhoto, signIn } from './hey-api/index';
import { client } from './hey-api/client.gen';

client.setConfig({ baseUrl });
const login = await signIn({ body: credentials });
expect(login.data !== undefined, login.error);
client.setConfig({ auth: login.data.accessToken });

const body = { email: emailOf('hey-api'), name: 'Ana', surname: 'García', phone: null };
const created = await createCustomer({ body });
expect(created.data?.version === 1, created.error);

const withPhoto = await setCustomerPhoto({ path: { id: created.data.id }, body: { photo } });
expect(withPhoto.data?.photo?.width === 60, withPhoto.error);

const page = await listCustomers({ query: { email: body.email, count: true } });
expect(page.data?.page.total?.value === 1, page.error);

const refused = await createCustomer({ body });
expect(refused.error?.code === 'email_taken', refused);
