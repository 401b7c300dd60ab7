import type { SearchedTable } from '../search/search-index.js';
import { User } from './user.entity.js';

export const USER_SEARCH: SearchedTable<User> = { entity: User, words: 'user_words', columns: () => ({}) };
