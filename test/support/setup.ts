import { checkFetch } from './checked-responses.js';

checkFetch();
