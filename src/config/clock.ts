import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';

/** The only source of the current time and of deliberate delays, so that tests can control both. */
@Injectable()
export class Clock {
  now(): Date {
    return new Date();
  }

  wait(ms: number): Promise<void> {
    return sleep(ms);
  }
}
