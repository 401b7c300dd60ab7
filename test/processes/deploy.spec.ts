import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Runs a copy of the script with a `gcloud` and a `curl` that record their arguments. */
describe('deploy/deploy.sh', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'crm-deploy-'));
    mkdirSync(join(directory, 'bin'));
    cpSync(new URL('../../deploy', import.meta.url), join(directory, 'deploy'), { recursive: true });
    stub('curl', '');
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const stub = (name: string, script: string): void =>
    writeFileSync(
      join(directory, 'bin', name),
      `#!/usr/bin/env bash\nprintf '%s' "\${0##*/}" >>"$CALLS"; printf ' %s' "$@" >>"$CALLS"; echo >>"$CALLS"\n${script}\n`,
      { mode: 0o755 },
    );

  interface Result {
    code: unknown;
    stdout: string;
    calls: string[];
  }

  async function deploy(serving: string, yaml = 'runtime: custom\nservice: crm\n'): Promise<Result> {
    writeFileSync(join(directory, 'real_app.yaml'), yaml);
    writeFileSync(join(directory, 'serving'), serving);
    stub(
      'gcloud',
      'case "$*" in *"versions list"*) cat "${0%/*}/../serving" ;; *describe*) echo https://v2.example ;; esac',
    );
    const calls = join(directory, 'calls');
    writeFileSync(calls, '');
    const env = { PATH: `${join(directory, 'bin')}:${process.env.PATH}`, CALLS: calls };
    const { code, stdout } = await new Promise<{ code: unknown; stdout: string }>((resolve) =>
      execFile('bash', [join(directory, 'deploy', 'deploy.sh'), 'project', 'v2'], { env }, (error, stdout) =>
        resolve({ code: error?.code ?? 0, stdout }),
      ),
    );
    return { code, stdout, calls: readFileSync(calls, 'utf8').trim().split('\n') };
  }

  const rollBack = (splits: string, service = 'crm'): string =>
    `  gcloud app services set-traffic ${service} --splits=${splits} --split-by=ip --project=project --quiet\n`;

  it('deploys, waits until the version is ready, moves the traffic and prints how to roll back', async () => {
    const { code, stdout, calls } = await deploy('v1\t1.0\n');
    expect(code).toBe(0);
    expect(stdout).toBe(`v2 receives the traffic.\nTo roll back:\n${rollBack('v1=1.0')}`);
    expect(calls.map((call) => call.split(' ', 4).join(' '))).toEqual([
      'gcloud app versions list',
      'gcloud app deploy real_app.yaml',
      'gcloud app versions describe',
      'curl --fail --silent --show-error',
      'gcloud app services set-traffic',
    ]);
    expect(calls[3]).toContain('https://v2.example/readyz');
    expect(calls[4]).toBe('gcloud app services set-traffic crm --splits=v2=1 --project=project --quiet');
  });

  it('prints the shares of all versions that had the traffic', async () => {
    const { stdout } = await deploy('v0\t0.25\nv1\t0.75\n');
    expect(stdout).toContain(rollBack('v0=0.25,v1=0.75'));
  });

  it.each([
    ['none', ''],
    ['only the version itself', 'v2\t1.0\n'],
  ])('prints no command if the traffic had %s', async (_, serving) => {
    const { code, stdout } = await deploy(serving);
    expect(code).toBe(0);
    expect(stdout).toMatch(/there is none to roll back to/);
    expect(stdout).not.toMatch(/set-traffic/);
  });

  it.each([
    ['runtime: custom\n', 'default'],
    ["service: 'crm' # of the sales team\n", 'crm'],
  ])('knows the service of %j', async (yaml, service) => {
    expect((await deploy('v1\t1\n', yaml)).stdout).toContain(rollBack('v1=1', service));
  });

  it('leaves the traffic where it is if the version does not become ready', async () => {
    stub('curl', 'exit 22');
    const { code, stdout, calls } = await deploy('v1\t1\n');
    expect([code, stdout]).toEqual([22, '']);
    expect(calls.filter((call) => call.includes('set-traffic'))).toEqual([]);
  });
});
