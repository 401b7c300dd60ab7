import { setFlagsFromString } from 'node:v8';

/**
 * V8 may choose to allocate all objects of a line of code in the old generation, if many of the first ones survived. A line
 * that runs for every request then keeps all objects of the request from being collected with the young generation.
 */
setFlagsFromString('--no-allocation-site-pretenuring');
