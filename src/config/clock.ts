import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';

/** The only source of the time, and of pauses that are meant to be felt, so that a test can move it. */
@Injectable()
export class Clock {
  now(): Date {
    return new Date();
  }

  wait(ms: number): Promise<void> {
    return sleep(ms);
  }
}
