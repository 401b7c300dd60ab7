// Loading the service takes longer than most specs: the everyday run loads it once for each of these files.
import '../client.spec.js';
import '../customer-deletion.spec.js';
import '../customer-history.spec.js';
import '../customer-updates.spec.js';
import '../customers.spec.js';
import '../imports.spec.js';
import '../lists.spec.js';
import '../search.spec.js';
