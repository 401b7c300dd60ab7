import { randomBytes } from 'node:crypto';
import { Injectable, Logger } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Env } from '../config/env.js';
import { withLock } from '../database/locks.js';
import { User } from './user.entity.js';
import { UsersService } from './users.service.js';

/** Creates the first admin if there is none: from `ADMIN_EMAIL`, or with a random password in embedded mode. */
@Injectable()
export class FirstAdmin {
  private readonly logger = new Logger('FirstAdmin');

  constructor(
    private readonly dataSource: DataSource,
    private readonly users: UsersService,
    private readonly env: Env,
  ) {}

  async ensure(): Promise<void> {
    if (!(await this.exists())) await withLock(this.dataSource, this.env.DATA_DIR, () => this.create());
  }

  private exists(): Promise<boolean> {
    return this.dataSource.getRepository(User).existsBy({ isAdmin: true, isDeleted: false });
  }

  private async create(): Promise<void> {
    if (await this.exists()) return;
    const { ADMIN_EMAIL, ADMIN_PASSWORD, DATABASE_URI } = this.env;
    if (!ADMIN_EMAIL && DATABASE_URI) {
      this.logger.warn('No admin exists: set ADMIN_EMAIL and ADMIN_PASSWORD and restart');
      return;
    }
    const user = ADMIN_EMAIL && (await this.users.findByEmail(ADMIN_EMAIL));
    if (user) {
      await this.users.setRole({ actorId: null, requestId: null }, user.id, 'admin');
      this.logger.log('Made the user of ADMIN_EMAIL an admin; the password is unchanged');
      return;
    }
    const email = ADMIN_EMAIL ?? 'admin@example.com';
    const password = ADMIN_PASSWORD ?? randomBytes(12).toString('base64url');
    const admin = { email, password, name: 'First', surname: 'Admin', role: 'admin' as const };
    await this.users.create({ actorId: null, requestId: null }, admin);
    // Printed once, on the terminal and not in the log.
    if (!ADMIN_PASSWORD)
      process.stdout.write(`\n  First admin:  ${email}\n  Password:     ${password}  (printed only once)\n\n`);
    else this.logger.log('Created the first admin from ADMIN_EMAIL');
  }
}
