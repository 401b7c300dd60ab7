import { keyOf } from '../search/fold.js';
import { mailboxOf } from '../search/mailbox.js';
import type { SearchedTable } from '../search/search-index.js';
import { Customer } from './customer.entity.js';

export const CUSTOMER_SEARCH: SearchedTable<Customer> = {
  entity: Customer,
  words: 'customer_words',
  columns: ({ company, email }) => ({
    companyKey: company === null ? null : keyOf(company),
    emailKey: mailboxOf(email),
  }),
};
