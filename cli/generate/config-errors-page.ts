import {
  CONFIG_PROBLEMS,
  type ConfigCode,
  type ConfigProblemSpec,
  configProblemSpec,
} from '../../contracts/config-problems.js';

/** `docs/config-errors.md`, from the table of what can be wrong with a config. */
export function configErrorsPage(): string {
  const codes = Object.keys(CONFIG_PROBLEMS) as ConfigCode[];
  const rows = codes.map((code) => row(code, configProblemSpec(code)));
  return `<!-- Generated from contracts/config-problems.ts by \`npm run gen\`. Do not edit by hand. -->

# What can be wrong with a config

Whatever is wrong is told at once, when a process starts, at a reload, and by \`gatehouse check\`:

\`\`\`
config/gateway.yaml:64:78 config_dangling_name: there is no upstream "order": did you mean "orders"?
  63 |   - { path: /api/orders, methods: [POST], auth: caller, upstream: orders }
> 64 |   - { path: /api/orders/:id, methods: [GET], auth: caller, upstream: order }
     |                                                                      ^^^^^
  65 |   - { path: /api/profile, methods: [GET], auth: caller, upstream: profile }
\`\`\`

Branch on the code: it is stable, and this is the whole list. Secrets are blotted out of the lines that are shown, and no
message holds one. A warning leaves the config good.

| code | meaning | what to do |
|---|---|---|
${rows.join('\n')}
`;
}

function row(code: ConfigCode, { severity, meaning, remedy }: ConfigProblemSpec): string {
  return `| \`${code}\` | ${severity === 'warning' ? '**warning:** ' : ''}${meaning} | ${remedy} |`;
}
