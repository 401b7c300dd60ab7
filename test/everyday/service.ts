// As in customers.ts.
import '../contract.spec.js';
import '../http.spec.js';
import '../idempotency.spec.js';
import '../openapi.spec.js';
import '../problem-pages.spec.js';
import '../profile.spec.js';
import '../users.spec.js';
