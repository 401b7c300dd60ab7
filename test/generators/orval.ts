import { credentials, emailOf, expect, photo } from './credentials';
import {
  createCustomerWithFormData,
  createCustomerWithJson,
  listCustomers,
  setCustomerPhotoWithFormData,
  setCustomerPhotoWithJpeg,
  signIn,
} from './orval.gen';

const login = await signIn(credentials);
expect(login.status === 200, login);
const options = { headers: { Authorization: `Bearer ${login.data.accessToken}` } };

const customer = { email: emailOf('orval'), name: 'Ana', surname: 'García' };
const created = await createCustomerWithJson({ ...customer, phone: null }, options);
expect(created.status === 201, created);
const { id } = created.data;

const asForm = await setCustomerPhotoWithFormData(id, { photo }, options);
expect(asForm.status === 200 && asForm.data.photo?.width === 60, asForm);
const asImage = await setCustomerPhotoWithJpeg(id, photo, options);
expect(asImage.status === 200, asImage);

const form = await createCustomerWithFormData({ ...customer, email: emailOf('orval-form'), photo }, options);
expect(form.status === 201 && form.data.photo !== null, form);

const page = await listCustomers({ email: customer.email, count: true }, options);
expect(page.status === 200 && page.data.page.total?.value === 1, page);

const refused = await createCustomerWithJson(customer, options);
expect(refused.status === 409 && refused.data.code === 'email_taken', refused);
